#pragma once

namespace lockstep {

// How two devices reach each other, in NCCL's words and order, nearest first.
//   loc  the same device             nvl  NVLink, also through NVSwitches
//   nvb  NVLink through another GPU  pix  one PCIe switch        pxb  several PCIe switches
//   pxn  a NIC, through an NVLink peer that is beside it         phb  the CPU's host bridge
//   sys  the link between sockets    net  the network            dis  no way
// Source: NCCL 2.30 src/graph/topo.h, graph.h:116-154. C2C and P2C are not told apart from PHB.
enum class PathKind { loc, nvl, nvb, pix, pxb, pxn, phb, sys, net, dis };
const char* to_string(PathKind kind);  // "LOC", "NVL" …

}  // namespace lockstep
