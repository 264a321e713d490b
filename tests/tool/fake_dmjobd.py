# SPDX-License-Identifier: LGPL-2.1-or-later
"""A dmjobd of a few lines for tests of the command line: QMP on a unix socket, and jobs that do what a story
tells them. It checks nothing; that the real one does is tested elsewhere."""

import json
import os
import socket
import threading
import time

GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": "fake"}, "capabilities": []}}


class Refused(Exception):
    """What a command raises to be answered by an error."""

    def __init__(self, text, error_class="GenericError"):
        super().__init__(text)
        self.error_class = error_class


class FakeDaemon:
    def __init__(self, path):
        self.path = path
        self.lock = threading.RLock()
        self.jobs, self.history, self.volumes, self.events = [], [], [], []
        self.hidden_disks, self.boot_warnings, self.not_frozen = [], [], {}
        self.asked = []  # (command, arguments), but for queries
        self.handlers = {}  # command: function(arguments), instead of ours
        self.clients = []
        self.looks = 0  # how often a client saw a job
        self.before_answer = {}  # look: function(), called before that look is answered
        self.closed = threading.Event()
        self.listener = None
        self.start()

    # --- what a story tells ---

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Jobs and events stay, as in the state file."""
        with self.lock:
            self.listener.shutdown(socket.SHUT_RDWR)
            os.unlink(self.path)
            for client in self.clients:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone by itself
            self.clients = []

    def close(self):
        self.closed.set()
        if os.path.exists(self.path):
            self.stop()

    def wait_for_look(self, looks):
        """Until a client has seen a job since then; False if the story is over first."""
        while self.looks <= looks:
            if self.closed.wait(0.01):
                return False
        return True

    def after(self, seconds, function, *arguments):
        """Counted from the next time that a client looks at a job: how slowly it starts does not matter."""
        def run(looks):
            if self.wait_for_look(looks) and not self.closed.wait(seconds):
                function(*arguments)
        threading.Thread(target=run, args=(self.looks,), daemon=True).start()

    def add_job(self, job_id="vol1", status="running", **members):
        job = {
            "id": job_id, "device": job_id, "type": "mirror", "len": 1000, "offset": 450, "speed": 0, "busy": True,
            "paused": False, "ready": False, "io-status": "ok", "auto-finalize": True, "auto-dismiss": True,
            "status": status, "volume": job_id, "target": "/dev/sdb", "phase": "bulk", "dirty": 550, "rate": 10,
            "eta": 55}
        job.update(members)
        with self.lock:
            self.jobs.insert(0, job)
            self.emit("JOB_STATUS_CHANGE", id=job_id, status="created")
            self.emit("JOB_STATUS_CHANGE", id=job_id, status=status)
        return job

    def job(self, job_id):
        for job in self.jobs:
            if job["id"] == job_id:
                return job
        raise Refused(f"Job '{job_id}' not found", "DeviceNotActive")

    def set_status(self, job_id, status, **members):
        with self.lock:
            job = self.job(job_id)
            job.update(members, status=status)
            self.emit("JOB_STATUS_CHANGE", id=job_id, status=status)
            if status == "ready":
                self.emit("BLOCK_JOB_READY", type="mirror", device=job_id, len=1000, offset=1000, speed=0)

    def io_error(self, job_id, operation):
        with self.lock:
            self.emit("BLOCK_JOB_ERROR", device=job_id, operation=operation, action="stop")
            self.set_status(job_id, "paused", **{"io-status": "failed"})

    def end(self, job_id, error=None):
        """With success, or with that error."""
        with self.lock:
            job = self.job(job_id)
            if error:
                self.set_status(job_id, "aborting", error=error)
            cancelled = error == "Operation canceled"
            data = {"type": "mirror", "device": job_id, "len": 1000, "offset": 1000, "speed": 0}
            if error and not cancelled:
                data["error"] = error
            self.emit("BLOCK_JOB_CANCELLED" if cancelled else "BLOCK_JOB_COMPLETED", **data)
            self.set_status(job_id, "concluded")
            if job["auto-dismiss"]:
                self.dismiss(job_id)

    def dismiss(self, job_id):
        with self.lock:
            job = self.job(job_id)
            self.set_status(job_id, "null")
            self.jobs.remove(job)
            self.history.insert(0, job)

    def emit(self, name, **data):
        with self.lock:
            now = time.time()
            event = {"event": name, "data": data, "number": len(self.events) + 1,
                     "timestamp": {"seconds": int(now), "microseconds": int(now % 1 * 1e6)}}
            self.events.append(event)
            for client in self.clients:
                self.send(client, event)

    # --- the commands ---

    def qmp_blockdev_mirror(self, arguments):
        self.add_job(arguments.get("job-id", "vol1"), volume=arguments["device"], target=arguments["target"],
                     **{"auto-finalize": arguments.get("auto-finalize", True)})
        return {"id": self.jobs[0]["id"]}

    def qmp_blockdev_backup(self, arguments):
        self.add_job(arguments.get("job-id", arguments["device"]), type="backup", volume=arguments["device"],
                     target=arguments["target"])
        return {}

    def qmp_transaction(self, arguments):
        for action in arguments["actions"]:
            getattr(self, "qmp_" + action["type"].replace("-", "_"))(action["data"])
        return {}

    def qmp_job_complete(self, arguments):
        self.end(arguments["id"])

    def qmp_block_job_cancel(self, arguments):
        ready = self.job(arguments["device"])["status"] == "ready"
        self.end(arguments["device"], None if ready and not arguments.get("force") else "Operation canceled")

    def qmp_job_dismiss(self, arguments):
        self.dismiss(arguments["id"])

    def execute(self, command, arguments):
        queries = {"query-block-jobs": self.jobs, "query-job-history": self.history, "query-volumes": self.volumes,
                   "query-hidden-disks": self.hidden_disks, "query-boot-warnings": self.boot_warnings}
        if command == "query-not-frozen":
            return self.not_frozen.get(arguments["device"], [])
        if command in queries:
            if command == "query-block-jobs" and self.jobs:
                self.looks += 1
                self.before_answer.get(self.looks, lambda: None)()
            return [item for item in queries[command]
                    if "device" not in arguments or arguments["device"] == item.get("id")]
        if command == "query-events":
            return [event for event in self.events if event["number"] > arguments["since"]]
        self.asked.append((command, arguments))
        if command in self.handlers:
            return self.handlers[command](arguments)
        return getattr(self, "qmp_" + command.replace("-", "_"), lambda arguments: None)(arguments)

    # --- the wire ---

    @staticmethod
    def send(client, message):
        try:
            client.sendall(json.dumps(message).encode() + b"\r\n")
        except OSError:
            pass

    def accept(self, listener):
        with listener:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.send(client, GREETING)
        with client, client.makefile("rb") as lines:
            try:
                for line in lines:
                    with self.lock:
                        self.answer(client, json.loads(line))
            except OSError:
                pass
            with self.lock:
                if client in self.clients:
                    self.clients.remove(client)

    def answer(self, client, request):
        if request["execute"] == "qmp_capabilities":
            self.clients.append(client)
            self.send(client, {"return": {}, "id": request["id"]})
            return
        try:
            value = self.execute(request["execute"], request.get("arguments", {}))
            self.send(client, {"return": {} if value is None else value, "id": request["id"]})
        except Refused as error:
            self.send(client, {"error": {"class": error.error_class, "desc": str(error)}, "id": request["id"]})
