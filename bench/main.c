// SPDX-License-Identifier: Apache-2.0
// The command `bayhenn-bench`: what things cost on this machine.
#include "bench.h"

int main(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"kernels", bench_kernels, "inner loops, samplers and streams"},
        {"he", bench_he, "homomorphic operations, one by one"},
        {"ot", bench_ot, "oblivious transfers, by SoftSpoken and by Ferret"},
        {"inference", bench_inference, "whole predictions, in process or over a link"},
        {"throughput", bench_throughput, "queries a second at the server, by threads"},
        {"train", bench_train, "training, images a second"},
        {"memory", bench_memory, "peak memory of a server with many clients"},
        {"proxy", bench_proxy, "a link with delay and limited bandwidth"},
    };
    return cli_main(commands, sizeof commands / sizeof commands[0],
                    "what private inference costs on this machine", argc, argv);
}
