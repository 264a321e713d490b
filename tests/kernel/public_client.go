// SPDX-License-Identifier: LGPL-2.1-or-later
//
// public_client SOCKET VOLUME DISK TARGET: attaches VOLUME over DISK, copies it to TARGET and completes the copy, with
// a QMP client that others wrote for QEMU and that is used as it comes: digitalocean's go-qemu, from Debian, whose
// commands and types are generated from QEMU's own schema. Prints each event, an object a line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
	"github.com/digitalocean/go-qemu/qmp/raw"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "public_client:", err)
		os.Exit(1)
	}
}

func connect(path string) *qmp.SocketMonitor {
	monitor, err := qmp.NewSocketMonitor("unix", path, 10*time.Second)
	must(err)
	must(monitor.Connect())
	return monitor
}

// The one command that QEMU does not have.
func attach(monitor *qmp.SocketMonitor, name, device string) {
	arguments := map[string]string{"name": name, "device": device}
	command, err := json.Marshal(qmp.Command{Execute: "volume-attach", Args: arguments})
	must(err)
	_, err = monitor.Run(command)
	must(err)
}

func startMirror(commands *raw.Monitor, job, device, target string) {
	speed := int64(0)
	stop := raw.BlockdevOnErrorStop
	must(commands.BlockdevMirror(&job, device, target, nil, raw.MirrorSyncModeFull, &speed, nil, nil, &stop, &stop, nil))
}

func expectJob(commands *raw.Monitor, job string) {
	jobs, err := commands.QueryBlockJobs()
	must(err)
	if len(jobs) != 1 || jobs[0].Device != job || jobs[0].Type != "mirror" || !jobs[0].Ready {
		must(fmt.Errorf("query-block-jobs: %+v", jobs))
	}
}

// Until it has come; prints it and all before it.
func await(events <-chan qmp.Event, name, member, value string) {
	for event := range events {
		line, err := json.Marshal(event)
		must(err)
		fmt.Println(string(line))
		if event.Event == name && event.Data[member] == value {
			return
		}
	}
	must(fmt.Errorf("the connection ended before %s", name))
}

func main() {
	path, volume, disk, target := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	monitor := connect(path)
	stream, err := monitor.Events(context.Background())
	must(err)
	// The client hands over no answer as long as nobody takes the events before it.
	events := make(chan qmp.Event, 1000)
	go func() {
		for event := range stream {
			events <- event
		}
		close(events)
	}()
	commands := raw.NewMonitor(monitor)
	attach(monitor, volume, disk)
	startMirror(commands, "copy", volume, target)
	await(events, "BLOCK_JOB_READY", "device", "copy")
	expectJob(commands, "copy")
	must(commands.BlockJobComplete("copy"))
	await(events, "JOB_STATUS_CHANGE", "status", "null")
	must(monitor.Disconnect())
}
