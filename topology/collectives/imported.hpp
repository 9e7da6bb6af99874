// Where NCCL's own dumps take the place of what is derived from the cluster's parts.
#pragma once

#include "topology/collectives/channels.hpp"

namespace lockstep::nccl {

// Lays what a topology file says over the view of a group: the links, slots and NICs of the first
// GPUs of a node, as many as the group has there. Leaves the view alone where nothing was imported,
// where the group has more ranks on a node than the file has GPUs, or where the file names none.
// `routes` says what has failed since: links and NICs shrink by the part that is gone.
void apply_imported(const Cluster& cluster, const Routes& routes, NodeView& view);

// Where the channels of a group come from.
GraphSource graph_source(const Cluster& cluster, const NodeView& view);

// The channels of a group: those of the file where it fits the group's shape (ranks on a node; one
// node or several), else those of the search. A graph that the file lacks is found by the search.
// The paths of the file go into the view.
Graphs graphs_of(const Cluster& cluster, NodeView& view);

}  // namespace lockstep::nccl
