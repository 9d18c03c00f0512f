// SPDX-License-Identifier: Apache-2.0
#include "exchange/library.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER   "{layer}"
#define DEV_MIN 1e-10

const bh_library bh_libraries[] = {
    {"bayesian-torch", LAYER ".mu_kernel", LAYER ".rho_kernel", LAYER ".mu_weight",
     LAYER ".rho_weight", LAYER ".mu_bias", LAYER ".rho_bias", BH_TRANSFORM_SOFTPLUS,
     .has_dev = true},
    {"blitz", LAYER ".weight_mu", LAYER ".weight_rho", LAYER ".weight_mu",
     LAYER ".weight_rho", LAYER ".bias_mu", LAYER ".bias_rho", BH_TRANSFORM_SOFTPLUS,
     .has_dev = true},
    {"torchbnn", LAYER ".weight_mu", LAYER ".weight_log_sigma", LAYER ".weight_mu",
     LAYER ".weight_log_sigma", LAYER ".bias_mu", LAYER ".bias_log_sigma",
     BH_TRANSFORM_EXP, .has_dev = true},
    {"pytorch-bayesiancnn", LAYER ".W_mu", LAYER ".W_rho", LAYER ".W_mu",
     LAYER ".W_rho", LAYER ".bias_mu", LAYER ".bias_rho", BH_TRANSFORM_SOFTPLUS,
     .has_dev = true},
    // Names of Keras variables, and the same as TensorFlow writes them.
    {"tfp", LAYER "/kernel_posterior_loc",
     LAYER "/kernel_posterior_untransformed_scale", LAYER "/kernel_posterior_loc",
     LAYER "/kernel_posterior_untransformed_scale", LAYER "/bias_posterior_loc",
     LAYER "/bias_posterior_untransformed_scale", BH_TRANSFORM_SOFTPLUS_EPS,
     .has_dev = true, .point_bias = true, .keras = true},
    {"tfp", LAYER "/kernel_posterior_loc:0",
     LAYER "/kernel_posterior_untransformed_scale:0", LAYER "/kernel_posterior_loc:0",
     LAYER "/kernel_posterior_untransformed_scale:0", LAYER "/bias_posterior_loc:0",
     LAYER "/bias_posterior_untransformed_scale:0", BH_TRANSFORM_SOFTPLUS_EPS,
     .has_dev = true, .point_bias = true, .keras = true},
    // The items of the parameter store, and the guide's state, whose scales are still
    // to be made positive.
    {"pyro", "AutoNormal.locs." LAYER ".weight", "AutoNormal.scales." LAYER ".weight",
     "AutoNormal.locs." LAYER ".weight", "AutoNormal.scales." LAYER ".weight",
     "AutoNormal.locs." LAYER ".bias", "AutoNormal.scales." LAYER ".bias",
     BH_TRANSFORM_NONE, .has_dev = true},
    {"pyro", "locs." LAYER ".weight", "scales." LAYER ".weight_unconstrained",
     "locs." LAYER ".weight", "scales." LAYER ".weight_unconstrained",
     "locs." LAYER ".bias", "scales." LAYER ".bias_unconstrained",
     BH_TRANSFORM_SOFTPLUS, .has_dev = true},
    {.name = "plain",
     .conv_mean = LAYER ".weight",
     .fc_mean = LAYER ".weight",
     .bias_mean = LAYER ".bias"},
};
const size_t bh_libraries_count = sizeof bh_libraries / sizeof bh_libraries[0];

const bh_library *bh_library_find(const char *name)
{
    for (size_t i = 0; i < bh_libraries_count; i++) {
        if (strcmp(name, bh_libraries[i].name) == 0) {
            return &bh_libraries[i];
        }
    }
    return NULL;
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

double bh_transform_apply(bh_transform transform, double x)
{
    switch (transform) {
    case BH_TRANSFORM_NONE:
        break;
    case BH_TRANSFORM_EXP:
        return exp(x);
    case BH_TRANSFORM_SOFTPLUS:
        return softplus(x);
    case BH_TRANSFORM_SOFTPLUS_EPS:
        return (double)FLT_EPSILON + softplus(x);
    case BH_TRANSFORM_SQRT:
        return sqrt(x);
    }
    return x;
}

// x = log(exp(dev) - 1), which neither overflows nor cancels in this form.
static double softplus_inverse(double dev)
{
    return dev + log(-expm1(-dev));
}

double bh_transform_least(bh_transform transform)
{
    return transform == BH_TRANSFORM_SOFTPLUS_EPS ? DEV_MIN + (double)FLT_EPSILON
                                                  : DEV_MIN;
}

double bh_transform_invert(bh_transform transform, double dev)
{
    dev = fmax(dev, bh_transform_least(transform));
    switch (transform) {
    case BH_TRANSFORM_NONE:
        break;
    case BH_TRANSFORM_EXP:
        return log(dev);
    case BH_TRANSFORM_SOFTPLUS:
        return softplus_inverse(dev);
    case BH_TRANSFORM_SOFTPLUS_EPS:
        return softplus_inverse(dev - (double)FLT_EPSILON);
    case BH_TRANSFORM_SQRT:
        return dev * dev;
    }
    return dev;
}

bool bh_transform_from_name(bh_transform *out, const char *name)
{
    static const char *const names[] = {
        [BH_TRANSFORM_NONE] = "none",
        [BH_TRANSFORM_EXP] = "exp",
        [BH_TRANSFORM_SOFTPLUS] = "softplus",
        [BH_TRANSFORM_SOFTPLUS_EPS] = "softplus-eps",
        [BH_TRANSFORM_SQRT] = "sqrt",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (bh_transform)i;
            return true;
        }
    }
    return false;
}

bool bh_pattern_match(bh_layer_name *out, const char *pattern, const char *name)
{
    size_t before = (size_t)(strstr(pattern, LAYER) - pattern), len = strlen(name);
    const char *after = pattern + before + strlen(LAYER);
    if (len <= before + strlen(after) || strncmp(name, pattern, before) != 0 ||
        strcmp(name + len - strlen(after), after) != 0) {
        return false;
    }
    *out = (bh_layer_name){name + before, len - before - strlen(after)};
    return true;
}

char *bh_pattern_fill(char out[BH_PATTERN_BYTES], const char *pattern,
                      bh_layer_name layer)
{
    int before = (int)(strstr(pattern, LAYER) - pattern);
    snprintf(out, BH_PATTERN_BYTES, "%.*s%.*s%s", before, pattern, (int)layer.len,
             layer.text, pattern + before + strlen(LAYER));
    return out;
}

static bool is_digit(bh_layer_name s)
{
    return s.len > 0 && s.text[0] >= '0' && s.text[0] <= '9';
}

static void skip(bh_layer_name *s, size_t len)
{
    s->text += len;
    s->len -= len;
}

// Takes the number at the beginning, without its leading zeroes.
static bh_layer_name take_number(bh_layer_name *s)
{
    while (is_digit(*s) && s->text[0] == '0') {
        skip(s, 1);
    }
    bh_layer_name number = {s->text, 0};
    for (; is_digit(*s); skip(s, 1)) {
        number.len++;
    }
    return number;
}

static int compare_numbers(bh_layer_name *a, bh_layer_name *b)
{
    bh_layer_name x = take_number(a), y = take_number(b);
    return x.len != y.len ? (x.len > y.len) - (x.len < y.len)
                          : memcmp(x.text, y.text, x.len);
}

int bh_layer_name_compare(bh_layer_name a, bh_layer_name b)
{
    int order = 0;
    while (order == 0 && a.len > 0 && b.len > 0) {
        if (is_digit(a) && is_digit(b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = (unsigned char)a.text[0] - (unsigned char)b.text[0];
            skip(&a, 1);
            skip(&b, 1);
        }
    }
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
