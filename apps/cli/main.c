// SPDX-License-Identifier: Apache-2.0
// The command `bayhenn`.
#include "cli.h"

int main(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"demo", cmd_demo, "predict digits over an encrypted loopback connection"},
        {"infer", cmd_infer, "have a server predict images that it never sees"},
        {"serve", cmd_serve, "offer a model's predictions to clients"},
        {"eval", cmd_eval, "accuracy and calibration on a test set"},
        {"train", cmd_train, "train a Bayesian network"},
        {"import", cmd_import, "make a model of weights that another library trained"},
        {"export", cmd_export, "write a model's weights for another library"},
        {"plan", cmd_plan, "what a prediction costs, and its noise bounds"},
        {"info", cmd_info, "version, kernels; a model's or a server's facts"},
    };
    return cli_main(commands, sizeof commands / sizeof commands[0],
                    "private neural-network inference with calibrated uncertainty",
                    argc, argv);
}
