// SPDX-License-Identifier: Apache-2.0
// A quantised Bayesian model of a named network that nobody trained: for planning and
// measuring, where only sizes and magnitudes matter.
#ifndef BH_MODEL_SYNTHETIC_H
#define BH_MODEL_SYNTHETIC_H

#include "model/model.h"

// The network (bh_graph_named) for its own images (bh_graph_named_shape) of 10 classes.
// Weight means are normal with deviation sqrt(2 / inputs of an output) (He et al.
// 2015), biases zero in the mean; every posterior deviation is a tenth of that.
// Quantised to 8 bits by bh_model_quantise on 16 images of uniform pixels, so that
// acc_max is what the bound proves for these weights. The same name and seed give the
// same model. The caller frees *out. Errors: BH_ERR_ARG for an unknown name,
// BH_ERR_NOMEM.
bh_status bh_model_synthetic(bh_model **out, const char *net, uint64_t seed,
                             bh_error *err) BH_MUST_CHECK;

#endif
