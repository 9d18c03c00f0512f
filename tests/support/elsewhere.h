// SPDX-License-Identifier: Apache-2.0
// A small network's posterior as other libraries would store it: written by hand, by
// what their own documentation says.
#ifndef BH_TESTS_SUPPORT_ELSEWHERE_H
#define BH_TESTS_SUPPORT_ELSEWHERE_H

#include "exchange/import.h"
#include "support/tensor_file.h"

// 2 x 6 x 5 images, a convolution of 3 x 2 that is not symmetric in anything, and three
// fully connected layers: conv1, fc2, fc9 and fc10 in the files, whose order is not
// that of ASCII.
enum { ELSEWHERE_INPUT = 2 * 6 * 5, ELSEWHERE_LAYERS = 4, ELSEWHERE_WEIGHTS_MAX = 64 };
bh_model *elsewhere_model(void);
size_t elsewhere_weights(unsigned layer);

// What every layer holds: number `at` of its weights and then its biases.
float elsewhere_mean(unsigned layer, size_t at);
float elsewhere_dev(unsigned layer, size_t at);

// The names and the transform of a library; %s is the layer's name.
typedef struct elsewhere_naming {
    const char *format, *conv_mean, *conv_dev, *fc_mean, *fc_dev, *bias_mean, *bias_dev;
    double (*store)(double dev);
    bool keras;
    const char *beside[4]; // tensors of a layer that are no posterior
} elsewhere_naming;
extern const elsewhere_naming elsewhere_namings[];
enum {
    ELSEWHERE_BAYESIAN_TORCH,
    ELSEWHERE_BLITZ,
    ELSEWHERE_TORCHBNN,
    ELSEWHERE_BAYESIANCNN,
    ELSEWHERE_TFP,
    ELSEWHERE_TFP_VARIABLES,
    ELSEWHERE_PYRO,
    ELSEWHERE_PYRO_GUIDE,
    ELSEWHERE_PLAIN,
    ELSEWHERE_NAMINGS
};

// The weights of a layer in the order of a library's layout.
void elsewhere_order(float *out, unsigned layer, bool keras,
                     float (*value)(unsigned layer, size_t at));
void elsewhere_add_layer(tensor_file *f, const elsewhere_naming *n, unsigned layer);
void elsewhere_fill(tensor_file *f, const elsewhere_naming *n);

// A map, and the file that it is of: names in no order, variances, the layout of Keras.
extern const char elsewhere_map[];
void elsewhere_fill_mapped(tensor_file *f);

// All that `import` does with a file x.st, by a map, m.json, or where that is NULL by a
// format. Clears the file.
bh_status elsewhere_import(bh_model *m, bh_writer *file, const char *format,
                           const char *map, double dev_share, bh_error *err);

#endif
