// SPDX-License-Identifier: Apache-2.0
#include "support/elsewhere.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

enum {
    C = 2,
    H = 6,
    W = 5,
    O = 3,
    KH = 3,
    KW = 2,
    PH = 2,
    PW = 2,
    LAYERS = ELSEWHERE_LAYERS
};
static const char *const layer_names[LAYERS] = {"conv1", "fc2", "fc9", "fc10"};
static const unsigned outs[LAYERS] = {O, 5, 4, 3};
static const unsigned ins[LAYERS] = {C, O *PH *PW, 5, 4};

bh_model *elsewhere_model(void)
{
    static bh_graph g;
    bh_model *m = NULL;
    memset(&g, 0, sizeof g);
    strcpy(g.name, "small");
    g.input = (bh_input){.shape = {C, H, W}, .dev = {1, 1}};
    g.n_classes = outs[ELSEWHERE_LAYERS - 1];
    const bh_layer layers[] = {
        {.kind = BH_LAYER_CONV2D,
         .out_channels = O,
         .kernel_h = KH,
         .kernel_w = KW,
         .stride = 1},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_MAX_POOL, .kernel_h = 2, .kernel_w = 2, .stride = 2},
        {.kind = BH_LAYER_FLATTEN},
        {.kind = BH_LAYER_FC, .out_channels = outs[1]},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_FC, .out_channels = outs[2]},
        {.kind = BH_LAYER_RELU},
        {.kind = BH_LAYER_FC, .out_channels = outs[3]},
    };
    g.n_layers = sizeof layers / sizeof layers[0];
    memcpy(g.layers, layers, sizeof layers);
    assert_ok(bh_model_new(&m, &g, 1));
    return m;
}

// What every layer holds: number `at` of its weights and then its biases.
float elsewhere_mean(unsigned layer, size_t at)
{
    return (float)(at % 17) * 0.25f - 2 + (float)layer;
}

float elsewhere_dev(unsigned layer, size_t at)
{
    return 0.001f * (float)(1 + at % 23 + 100 * layer);
}

size_t elsewhere_weights(unsigned layer)
{
    return (size_t)outs[layer] * ins[layer] * (layer == 0 ? KH * KW : 1);
}

static double identity(double dev)
{
    return dev;
}

static double softplus_inverse(double dev)
{
    return log(exp(dev) - 1);
}

static double softplus_eps_inverse(double dev)
{
    return softplus_inverse(dev - ldexp(1, -23));
}

const elsewhere_naming elsewhere_namings[] = {
    {"bayesian-torch", "%s.mu_kernel", "%s.rho_kernel", "%s.mu_weight", "%s.rho_weight",
     "%s.mu_bias", "%s.rho_bias", .store = softplus_inverse,
     .beside = {"%s.eps_kernel", "%s.prior_weight_mu", "%s.prior_bias_sigma"}},
    {"blitz", "%s.weight_mu", "%s.weight_rho", "%s.weight_mu", "%s.weight_rho",
     "%s.bias_mu", "%s.bias_rho", .store = softplus_inverse,
     .beside = {"%s.weight_sampler.mu", "%s.weight_sampler.rho",
                "%s.bias_sampler.eps_w", "%s.weight_prior_dist.pi"}},
    {"torchbnn", "%s.weight_mu", "%s.weight_log_sigma", "%s.weight_mu",
     "%s.weight_log_sigma", "%s.bias_mu", "%s.bias_log_sigma", .store = log,
     .beside = {"%s.weight_eps", "%s.bias_eps"}},
    {"pytorch-bayesiancnn", "%s.W_mu", "%s.W_rho", "%s.W_mu", "%s.W_rho", "%s.bias_mu",
     "%s.bias_rho", .store = softplus_inverse},
    {"tfp", "%s/kernel_posterior_loc", "%s/kernel_posterior_untransformed_scale",
     "%s/kernel_posterior_loc", "%s/kernel_posterior_untransformed_scale",
     "%s/bias_posterior_loc", NULL, .store = softplus_eps_inverse, .keras = true},
    {"tfp", "%s/kernel_posterior_loc:0", "%s/kernel_posterior_untransformed_scale:0",
     "%s/kernel_posterior_loc:0", "%s/kernel_posterior_untransformed_scale:0",
     "%s/bias_posterior_loc:0", NULL, .store = softplus_eps_inverse, .keras = true},
    {"pyro", "AutoNormal.locs.%s.weight", "AutoNormal.scales.%s.weight",
     "AutoNormal.locs.%s.weight", "AutoNormal.scales.%s.weight",
     "AutoNormal.locs.%s.bias", "AutoNormal.scales.%s.bias", .store = identity},
    {"pyro", "locs.%s.weight", "scales.%s.weight_unconstrained", "locs.%s.weight",
     "scales.%s.weight_unconstrained", "locs.%s.bias", "scales.%s.bias_unconstrained",
     .store = softplus_inverse},
    {"plain", "%s.weight", NULL, "%s.weight", NULL, "%s.bias", NULL, .store = identity},
};
// Appends the weights of a layer, in the elsewhere_order of the library's layout: the
// loops are those of its documentation.
void elsewhere_order(float *out, unsigned layer, bool keras,
                     float (*value)(unsigned, size_t))
{
    if (!keras) {
        for (size_t i = 0; i < elsewhere_weights(layer); i++) {
            out[i] = value(layer, i);
        }
    } else if (layer == 0) {
        for (unsigned a = 0; a < KH; a++) {
            for (unsigned b = 0; b < KW; b++) {
                for (unsigned i = 0; i < C; i++) {
                    for (unsigned o = 0; o < O; o++) {
                        *out++ = value(layer, ((o * C + i) * KH + a) * KW + b);
                    }
                }
            }
        }
    } else {
        const unsigned channels = layer == 1 ? O : ins[layer];
        const unsigned height = layer == 1 ? PH : 1, width = layer == 1 ? PW : 1;
        for (unsigned y = 0; y < height; y++) {
            for (unsigned x = 0; x < width; x++) {
                for (unsigned c = 0; c < channels; c++) {
                    for (unsigned o = 0; o < outs[layer]; o++) {
                        unsigned in = (c * height + y) * width + x;
                        *out++ = value(layer, o * ins[layer] + in);
                    }
                }
            }
        }
    }
}

static void shape_of(char *text, size_t size, unsigned layer, bool keras)
{
    if (layer == 0) {
        snprintf(text, size, keras ? "[3,2,2,3]" : "[3,2,3,2]");
    } else {
        snprintf(text, size, "[%u,%u]", keras ? ins[layer] : outs[layer],
                 keras ? outs[layer] : ins[layer]);
    }
}

static void add_named(tensor_file *f, const char *pattern, unsigned layer,
                      const char *shape, const float *values, size_t count)
{
    char name[128];
    snprintf(name, sizeof name, pattern, layer_names[layer]);
    tensor_file_add(f, name, shape, values, count);
}

static void store(float *values, const elsewhere_naming *n, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)n->store((double)values[i]);
    }
}

void elsewhere_add_layer(tensor_file *f, const elsewhere_naming *n, unsigned layer)
{
    float values[ELSEWHERE_WEIGHTS_MAX];
    char shape[32], bias_shape[16];
    const size_t weights = elsewhere_weights(layer);
    shape_of(shape, sizeof shape, layer, n->keras);
    snprintf(bias_shape, sizeof bias_shape, "[%u]", outs[layer]);
    elsewhere_order(values, layer, n->keras, elsewhere_mean);
    add_named(f, layer == 0 ? n->conv_mean : n->fc_mean, layer, shape, values, weights);
    if (n->conv_dev != NULL) {
        elsewhere_order(values, layer, n->keras, elsewhere_dev);
        store(values, n, weights);
        add_named(f, layer == 0 ? n->conv_dev : n->fc_dev, layer, shape, values,
                  weights);
    }
    for (unsigned o = 0; o < outs[layer]; o++) {
        values[o] = elsewhere_mean(layer, weights + o);
    }
    add_named(f, n->bias_mean, layer, bias_shape, values, outs[layer]);
    if (n->bias_dev != NULL) {
        for (unsigned o = 0; o < outs[layer]; o++) {
            values[o] = elsewhere_dev(layer, weights + o);
        }
        store(values, n, outs[layer]);
        add_named(f, n->bias_dev, layer, bias_shape, values, outs[layer]);
    }
    for (size_t i = 0; i < 4 && n->beside[i] != NULL; i++) {
        add_named(f, n->beside[i], layer, "[1]", values, 1);
    }
}

void elsewhere_fill(tensor_file *f, const elsewhere_naming *n)
{
    for (unsigned layer = ELSEWHERE_LAYERS; layer > 0; layer--) {
        elsewhere_add_layer(f, n, layer - 1);
    }
}

const char elsewhere_map[] =
    "{\"layout\": \"keras\", \"transform\": \"sqrt\", \"layers\": ["
    "{\"weight\": \"a.m\", \"weight_dev\": \"a.v\", \"bias\": \"a.bm\"},"
    "{\"weight\": \"z.m\", \"weight_dev\": \"z.v\", \"bias\": \"z.bm\"},"
    "{\"weight\": \"y.m\", \"weight_dev\": \"y.v\", \"bias\": \"y.bm\"},"
    "{\"weight\": \"x.m\", \"weight_dev\": \"x.v\", \"bias\": \"x.bm\"}]}";

static double square(double dev)
{
    return dev * dev;
}

// Names in no elsewhere_order, variances, and the layout of Keras.
void elsewhere_fill_mapped(tensor_file *f)
{
    static const char *const prefixes[ELSEWHERE_LAYERS] = {"a", "z", "y", "x"};
    for (unsigned i = 0; i < ELSEWHERE_LAYERS; i++) {
        char m[16], v[16], b[16];
        snprintf(m, sizeof m, "%s.m", prefixes[i]);
        snprintf(v, sizeof v, "%s.v", prefixes[i]);
        snprintf(b, sizeof b, "%s.bm", prefixes[i]);
        const elsewhere_naming n = {"map",        m, v, m, v, b, NULL, .store = square,
                                    .keras = true};
        elsewhere_add_layer(f, &n, i);
    }
}

static bh_status find(bh_found *found, const bh_tensors *t, const char *format,
                      const char *map, bh_error *err)
{
    return map != NULL ? bh_found_by_map(found, t, map, strlen(map), "m.json", err)
                       : bh_found_by_name(found, t, format, err);
}

// All that `import` does with a file; clears it.
bh_status elsewhere_import(bh_model *m, bh_writer *w, const char *format,
                           const char *map, double share, bh_error *err)
{
    bh_tensors t;
    bh_found found;
    assert_ok(bh_tensors_read(&t, w->data, w->len, "x.st", err));
    bh_status status = find(&found, &t, format, map, err);
    if (status == BH_OK) {
        status = bh_found_check_all_used(&found, &t, err);
    }
    if (status == BH_OK) {
        status = bh_import(m, &t, &found, share, err);
    }
    bh_tensors_clear(&t);
    bh_writer_clear(w);
    return status;
}
