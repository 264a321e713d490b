// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/layers.h"

#include <cerrno>
#include <system_error>

#include "dm/error.h"
#include "dm/name.h"

namespace dmjob::dm {

Layers::Layers(Control& control, const std::string& volume) : control_(control) {
  for (const Device& device : control_.list()) names_[device.dev] = device.name;
  const auto found = control_.find(volume);
  if (!found) fail(ENODEV, "no device-mapper volume " + volume);
  for (const dev_t below : control_.deps(volume)) add_below(below);
  std::vector<Layer> from_the_top;
  add_above(found->dev, from_the_top);
  all_.insert(all_.end(), from_the_top.rbegin(), from_the_top.rend());
  for (Layer& layer : all_)
    if (layer.dev == found->dev) layer.place = Layer::Place::kVolume;
}

std::string Layers::name_of(dev_t dev) const {
  const auto found = names_.find(dev);
  return found == names_.end() ? "" : found->second;
}

// Depth first, so that each comes after all that it stands on.
void Layers::add_below(dev_t dev) {
  const auto name = names_.find(dev);
  if (name == names_.end() || !down_.insert(dev).second) return;
  const auto device = control_.find(name->second);
  if (!device || device->uuid.starts_with(kVolumeUuidPrefix)) return;
  for (const dev_t below : control_.deps(name->second)) add_below(below);
  all_.push_back({name->second, dev, Layer::Place::kBelow});
}

// Depth first, to be read backwards.
void Layers::add_above(dev_t dev, std::vector<Layer>& from_the_top) {
  if (!is_dm(dev) || !up_.insert(dev).second) return;
  for (const Holder& holder : control_.holders(dev)) add_above(holder.dev, from_the_top);
  from_the_top.push_back({names_.at(dev), dev, Layer::Place::kAbove});
}

}  // namespace dmjob::dm
