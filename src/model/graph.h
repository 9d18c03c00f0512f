// SPDX-License-Identifier: Apache-2.0
// The public part of a model: layer kinds, shapes and quantisation scales. It holds
// no weight; the manifest sends it to every client.
//
// A graph is a sequence. Its linear layers (conv2d, fully connected) cut it into
// segments:
//
//   input -> quantise -> linear 0 -> segment 0 -> linear 1 -> ... -> linear L-1 ->
//   logits
//
// A segment is the run of other layers (ReLU, square, pools, flatten) after a linear
// layer, followed by ONE requantisation: v -> clamp((v + 2^(f-1)) >> f, x_lo, x_hi),
// nearest rounding, ties towards plus infinity, f = the `shift` of the next linear
// layer. The first layer is linear (flattens may stand before it), so is the last but
// for flattens.
//
// Integers and reals: at linear layer i an input integer x stands for x * x_scale, a
// weight integer w for w * w_scale, an accumulator for v * x_scale * w_scale. Average
// pooling sums its window and divides the scale by the window's size, so that all of
// it is integer arithmetic. Square squares the scale.
#ifndef BH_MODEL_GRAPH_H
#define BH_MODEL_GRAPH_H

#include <stdbool.h>

#include "base/bytes.h"
#include "bayhenn/bayhenn.h"

#define BH_GRAPH_LAYERS_MAX   64
#define BH_GRAPH_CHANNELS_MAX 4   // of the input image
#define BH_GRAPH_COLUMNS_MAX  512 // of an input table
#define BH_GRAPH_CLASSES_MAX  1000
#define BH_GRAPH_DIM_MAX      4096 // height, width, kernel, channels of a feature map
#define BH_GRAPH_VALUES_MAX   (1u << 20) // elements of one tensor
#define BH_GRAPH_POOL_MAX     (1u << 26) // inputs that all windows of a pool read
#define BH_GRAPH_WEIGHTS_MAX  (1u << 26) // weights of one layer
#define BH_WEIGHT_MAX         127        // largest integer weight
#define BH_INPUT_MAX          255        // largest |integer input| of a linear layer
#define BH_SHIFT_MAX          62
#define BH_ACC_MAX            ((UINT64_C(1) << 31) - 1) // largest |accumulator|
#define BH_SEGMENT_MAX        ((UINT64_C(1) << 62) - 1) // largest |v| inside a segment

typedef enum bh_layer_kind {
    BH_LAYER_CONV2D = 1,
    BH_LAYER_FC = 2,
    BH_LAYER_RELU = 3,
    BH_LAYER_SQUARE = 4,
    BH_LAYER_MAX_POOL = 5,
    BH_LAYER_AVG_POOL = 6,
    BH_LAYER_FLATTEN = 7,
} bh_layer_kind;

typedef struct bh_shape {
    uint32_t channels, height, width;
} bh_shape;

// Elements of a tensor of this shape, channel-major: [c][h][w].
size_t bh_shape_len(bh_shape s);
bool bh_shape_equal(bh_shape a, bh_shape b);

// The quantisation of one linear layer; all zero in a graph that is not quantised.
typedef struct bh_quant {
    double x_scale, w_scale; // > 0
    uint32_t shift;          // of the segment in front; 0 at the first linear layer
    int32_t x_lo, x_hi;      // -BH_INPUT_MAX <= x_lo <= 0 < x_hi <= BH_INPUT_MAX
    uint32_t w_max;          // |w| <= w_max <= BH_WEIGHT_MAX
    // Accumulators (bias in) satisfy |v| <= acc_max for every drawable weight and every
    // input in range; 1 <= acc_max <= BH_ACC_MAX. It is public, and derived from the
    // weights: bh_model_quantise rounds it up to 2^k - 1, which is all that a plan
    // needs, so that it tells no more of them than its number of bits.
    uint64_t acc_max;
} bh_quant;

typedef struct bh_layer {
    bh_layer_kind kind;
    uint32_t out_channels;       // conv2d, fc
    uint32_t kernel_h, kernel_w; // conv2d, pools; 1 for fc
    uint32_t stride;             // conv2d, pools; 1 for fc
    uint32_t pad;                // conv2d: zeroes on each of the four sides, fewer
                                 // than the kernel's height and width
    bh_shape in, out;            // filled by bh_graph_check; fc: {len, 1, 1}
    bh_quant quant;              // conv2d, fc
} bh_layer;

// How pixels become reals (model/input.h).
typedef enum bh_normalise {
    // (pixel / 255 - mean) / dev, mean and dev those of a channel of the training split
    BH_NORMALISE_FIXED = 0,
    // (pixel - m) / max(s, 1), m and s the mean and the deviation of the image's own
    // channel: what lighting and staining do to an image is gone
    BH_NORMALISE_IMAGE = 1,
} bh_normalise;

// How 8-bit pixels become the input tensor: reals by the normalisation, then
// x = clamp(round(real / x_scale), x_lo, x_hi) of the first linear layer, nearest
// rounding, ties to even.
//
// A row of a table becomes pixels first: 8 bits for +-4 deviations of its column. Then
// the shape is 1 x 1 x n_columns and the normalisation fixed, with mean
// BH_COLUMN_PIXEL_MEAN and dev BH_COLUMN_PIXEL_DEV, by which a pixel becomes the
// standardised value again.
typedef struct bh_input {
    bh_shape shape;
    bh_normalise normalise;
    // FIXED: dev > 0; IMAGE: 0 and 1.
    float mean[BH_GRAPH_CHANNELS_MAX], dev[BH_GRAPH_CHANNELS_MAX];
    uint32_t n_columns; // 0: images
    float column_mean[BH_GRAPH_COLUMNS_MAX],
        column_dev[BH_GRAPH_COLUMNS_MAX]; // dev > 0
} bh_input;

#define BH_COLUMN_PIXEL_MEAN 0.5f
#define BH_COLUMN_PIXEL_DEV  0.125f

#define BH_TEMPERATURE_MIN   0.01
#define BH_TEMPERATURE_MAX   100.0

typedef struct bh_graph {
    char name[64];    // "lenet5"
    char dataset[64]; // what it was trained on: "mnist"
    bh_input input;
    uint32_t n_layers;
    bh_layer layers[BH_GRAPH_LAYERS_MAX];
    uint32_t n_classes;                         // length of the logits
    char class_names[BH_GRAPH_CLASSES_MAX][32]; // "" where unnamed
    double temperature; // logits are divided by it; 0 becomes 1 in bh_graph_check
    bool quantised;
} bh_graph;

bool bh_layer_is_linear(const bh_layer *layer);
// "conv2d", "fc", "relu", "square", "max-pool", "avg-pool" or "flatten"; "unknown kind"
// of a number that is none.
const char *bh_layer_kind_name(bh_layer_kind kind);
// Weights of a linear layer without its biases: out * in * kernel_h * kernel_w,
// index [out][in][kernel_h][kernel_w]; a fully connected layer has kernel 1 x 1 and
// as many input channels as its flattened input has elements.
size_t bh_layer_weights_len(const bh_layer *layer);
size_t bh_layer_bias_len(const bh_layer *layer); // out_channels
// Inputs that all windows of a pool read, as often as they are read; 0 for other
// layers.
uint64_t bh_layer_pool_reads(const bh_layer *layer);
// Number of linear layers, and the index in `layers` of the i-th one.
uint32_t bh_graph_linear_count(const bh_graph *g);
uint32_t bh_graph_linear_index(const bh_graph *g, uint32_t i);
// What one unit of a value at the end of segment i, before its requantisation, is
// worth; times 2^shift this is the x_scale of linear layer i + 1.
double bh_graph_segment_scale(const bh_graph *g, uint32_t i);
// The same for the last i, divided by the temperature: what one unit of a logit is
// worth.
double bh_graph_logit_scale(const bh_graph *g);

// Propagates shapes through the layers and checks every limit above, that the order
// of layers is as described, that names are printable UTF-8 and, if g->quantised, every
// quantisation field, including that scales follow from each other and that no value
// inside a segment can exceed BH_SEGMENT_MAX. Fills `in` and `out`, and clears what a
// layer's kind does not use, so that equal graphs have equal encodings.
// Errors: BH_ERR_ENCODING with a sentence that names the layer, counted from 1.
bh_status bh_graph_check(bh_graph *g, bh_error *err) BH_MUST_CHECK;

// The one encoding of a graph, in model files and in manifests alike
// (docs/model-format.md). Writing takes a checked graph; reading ends with
// bh_graph_check, and zeroes *g on failure.
void bh_graph_write(const bh_graph *g, bh_writer *w);
bh_status bh_graph_read(bh_graph *g, bh_reader *r, bh_error *err) BH_MUST_CHECK;

// Whether there is a network of that name; BH_ERR_ARG with a sentence that lists them.
bh_status bh_graph_check_named(const char *name, bh_error *err) BH_MUST_CHECK;
// The input that a known network was made for. BH_ERR_ARG for an unknown name.
bh_status bh_graph_named_shape(bh_shape *out, const char *name,
                               bh_error *err) BH_MUST_CHECK;
// A known network by name ("lenet5", "netd", "lenet-caffe", "minionn-cifar") for a
// given input, which may be another one, and number of classes. BH_ERR_ARG for an
// unknown name, BH_ERR_ENCODING with a sentence that names the layer that the input
// does not fit.
bh_status bh_graph_named(bh_graph *out, const char *name, bh_input input,
                         uint32_t n_classes, bh_error *err) BH_MUST_CHECK;

// A network from its text form (docs/model-format.md): layers, separated by commas or
// new lines, and comments from # to the end of a line, as in
//
//   conv 16 3x3 pad 1, relu, conv 32 3 stride 2, square, max 2, avg 2x3 stride 1,
//   flatten, fc 128, fc classes
//
// BH_ERR_ARG with a sentence that names the layer, counted from 1, the word and what
// was expected; BH_ERR_ENCODING from bh_graph_check.
bh_status bh_graph_from_text(bh_graph *out, const char *text, const char *name,
                             bh_input input, uint32_t n_classes,
                             bh_error *err) BH_MUST_CHECK;

// A network however it is stated: a known name; "mlp:AxBxC", fully connected layers
// with ReLU between, of which A is the number of inputs and C that of classes; or the
// text form, which has a blank, a comma or a new line in it. Errors as those above, and
// BH_ERR_ARG if the sizes of an mlp are not those of the input and the classes.
bh_status bh_graph_make(bh_graph *out, const char *net, bh_input input,
                        uint32_t n_classes, bh_error *err) BH_MUST_CHECK;

// Every ReLU becomes a square: the network that CryptoNets would evaluate. Of a graph
// that is not quantised.
void bh_graph_square(bh_graph *g);

#endif
