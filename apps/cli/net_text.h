// SPDX-License-Identifier: Apache-2.0
// --net: a network's name, its layers in text, or a file of such a text.
#ifndef BH_CLI_NET_TEXT_H
#define BH_CLI_NET_TEXT_H

#include "bayhenn/bayhenn.h"

// What bh_graph_make takes (model/graph.h): a copy of `net`, or what the file holds if
// the name ends in .net. The caller frees *out. BH_ERR_IO, BH_ERR_TOO_LARGE,
// BH_ERR_NOMEM.
bh_status net_text_read(char **out, const char *net, bh_error *err) BH_MUST_CHECK;

#endif
