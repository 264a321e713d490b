// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The dm devices under a volume, the volume, and the dm devices on it, from the bottom up: each
// comes after those that it stands on. Private to write_cache.cc.
// Thread: as write_cache.h. Errors: std::system_error.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

struct Layer {
  enum class Place { kBelow, kVolume, kAbove };
  std::string name;
  dev_t dev = 0;
  Place place = Place::kBelow;
};

class Layers {
 public:
  Layers(Control& control, const std::string& volume);

  // Other managed volumes under this one are disks to it.
  const std::vector<Layer>& all() const { return all_; }
  bool is_dm(dev_t dev) const { return names_.contains(dev); }
  // "" of what is no dm device.
  std::string name_of(dev_t dev) const;
  // The volume, or on it.
  bool is_from_volume_up(dev_t dev) const { return up_.contains(dev); }

 private:
  void add_below(dev_t dev);
  void add_above(dev_t dev, std::vector<Layer>& from_the_top);

  Control& control_;
  std::map<dev_t, std::string> names_;
  std::set<dev_t> down_;
  std::set<dev_t> up_;
  std::vector<Layer> all_;
};

}  // namespace dmjob::dm
