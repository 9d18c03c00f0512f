// SPDX-License-Identifier: Apache-2.0
// Constant time, judged by a tool (tool.h): linear layers on shares in the clear; no
// report may appear, and the results arrive marked, be the inputs secret or the
// weights.
//
//   ct_plain portable | avx2 | avx512
#include "base/secret.h"
#include "linear/plain.h"
#include "tool.h"

enum { IN_MAX = 300, OUT_MAX = 500, WEIGHTS_MAX = 2500 };

static void check(const bh_linear_shape *shape, bh_cpu cpu, int secret_inputs)
{
    static uint32_t x[IN_MAX], y[OUT_MAX];
    static int32_t weights[WEIGHTS_MAX];
    bh_linear l;
    tool_check(bh_linear_init_shape(&l, shape, 4096) == BH_OK, "shape");
    size_t in = bh_linear_in_len(&l), out = bh_linear_out_len(&l);
    size_t count = (size_t)bh_linear_weights(&l);
    tool_check(in <= IN_MAX && out <= OUT_MAX && count <= WEIGHTS_MAX, "room");
    for (size_t i = 0; i < in; i++) {
        x[i] = (uint32_t)i * 2654435761u + 1;
    }
    for (size_t i = 0; i < count; i++) {
        weights[i] = (int32_t)(i % 254) - 127 + (i % 254 >= 127); // never 0
    }
    if (secret_inputs) {
        BH_SECRET(x, in * sizeof *x);
    } else {
        BH_SECRET(weights, count * sizeof *weights);
    }
    bh_plain_linear(shape, y, x, weights, cpu);
    tool_check(TOOL_ALL(y, out), "the outputs are marked");
    BH_DECLASSIFY(x, sizeof x);
    BH_DECLASSIFY(y, sizeof y);
    BH_DECLASSIFY(weights, sizeof weights);
}

int main(int argc, char **argv)
{
    static const bh_linear_shape shapes[] = {
        {3, 9, 9, 5, 3, 3, 1, 1},   // five rows of weights; columns 81 = 5 * 16 + 1
        {3, 9, 9, 4, 5, 5, 2, 1},   // 4 * 4 outputs: one tile
        {5, 5, 6, 5, 2, 2, 1, 0},   // 20 outputs
        {300, 1, 1, 7, 1, 1, 1, 0}, // 300 = 37 * 8 + 4
        {290, 1, 1, 1, 1, 1, 1, 0}, // one row
    };
    bh_cpu cpu;
    tool_check(argc == 2, "usage: ct_plain LEVEL");
    tool_begin(argv[1]);
    tool_check(bh_cpu_pick(&cpu, NULL) == BH_OK, "level");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check(&shapes[i], cpu, 1);
        check(&shapes[i], cpu, 0);
    }
    printf("%s: linear layers in the clear, constant time\n", bh_cpu_name(cpu));
    return 0;
}
