// SPDX-License-Identifier: Apache-2.0
// Names come from files and from peers and end up on people's terminals.
#include <string.h>

#include "base/error.h"
#include "model/graph_check.h"

// Length of the well-formed UTF-8 sequence at s that is no control character, else 0.
static size_t printable(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return s[0] >= 0x20 && s[0] != 0x7f;
    }
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    uint32_t point = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) { // also ends at the terminating zero
            return 0;
        }
        point = point << 6 | (s[i] & 0x3fu);
    }
    // U+0080..U+009F are control characters; shorter encodings exist below the minima;
    // surrogates and what lies above U+10FFFF are no characters.
    uint32_t least = len == 2 ? 0xa0 : len == 3 ? 0x800 : 0x10000;
    bool surrogate = bh_graph_in_range(point, 0xd800, 0xdfff);
    return s[0] >= 0xc0 && !surrogate && bh_graph_in_range(point, least, 0x10ffff) ? len
                                                                                   : 0;
}

static bool text_ok(const char *text, size_t size)
{
    if (memchr(text, '\0', size) == NULL) {
        return false;
    }
    const unsigned char *s = (const unsigned char *)text;
    while (*s != '\0') {
        size_t len = printable(s);
        if (len == 0) {
            return false;
        }
        s += len;
    }
    return true;
}

bh_status bh_graph_check_names(const bh_graph *g, bh_error *err)
{
    if (!text_ok(g->name, sizeof g->name) || g->name[0] == '\0') {
        return bh_fail(err, BH_ERR_ENCODING,
                       "the network's name is empty or not printable");
    }
    if (!text_ok(g->dataset, sizeof g->dataset)) {
        return bh_fail(err, BH_ERR_ENCODING, "the data set's name is not printable");
    }
    if (!bh_graph_in_range(g->n_classes, 2, BH_GRAPH_CLASSES_MAX)) {
        return bh_fail(err, BH_ERR_ENCODING, "%u classes, not 2 to %d", g->n_classes,
                       BH_GRAPH_CLASSES_MAX);
    }
    for (uint32_t i = 0; i < g->n_classes; i++) {
        if (!text_ok(g->class_names[i], sizeof g->class_names[i])) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "the name of class %u is not printable", i);
        }
    }
    return BH_OK;
}
