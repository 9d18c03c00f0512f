// SPDX-License-Identifier: Apache-2.0
// Networks of arbitrary text, in every form; what is read is a checked graph.
#include <stdlib.h>
#include <string.h>

#include "model/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bh_graph graph;
    const bh_input input = {.shape = {1, 28, 28}, .dev = {1}};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (bh_graph_make(&graph, text, input, 10, NULL) == BH_OK &&
        bh_graph_check(&graph, NULL) != BH_OK) {
        abort();
    }
    free(text);
    return 0;
}
