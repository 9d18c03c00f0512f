// SPDX-License-Identifier: Apache-2.0
// Posteriors from elsewhere, and back: the contents of a model in another library's
// names, layout and transform.
#ifndef BH_EXCHANGE_IMPORT_H
#define BH_EXCHANGE_IMPORT_H

#include "exchange/found.h"
#include "model/model.h"

// Fills the posterior of an unquantised model. The first convolution that was found
// becomes the network's first one, and so on; likewise fully connected layers. A bias
// that is not there is zero. dev_share: where no layer has deviations, what becomes of
// each: dev_share * |mean|, 0 or more; NaN: such a file is refused. Errors:
// BH_ERR_ENCODING with a sentence that names the tensor and what the network takes,
// BH_ERR_ARG for a share that is missing or out of place, BH_ERR_NOMEM; the posterior
// is then in part the file's.
bh_status bh_import(bh_model *m, const bh_tensors *tensors, const bh_found *found,
                    double dev_share, bh_error *err) BH_MUST_CHECK;

// Inputs and what another program's means answer to them: "input" [count, ...], reals
// as the first layer takes them, in the order [channel][row][column], and "output"
// [count, classes], logits. Errors: BH_ERR_ENCODING, BH_ERR_NOMEM.
typedef struct bh_examples {
    size_t count;
    float *inputs, *outputs;
} bh_examples;
bh_status bh_examples_read(bh_examples *out, const bh_tensors *tensors,
                           const bh_model *m, bh_error *err) BH_MUST_CHECK;
void bh_examples_clear(bh_examples *examples);

// BH_ERR_RANGE with a sentence if an input is none that a pixel becomes: the examples
// were normalised otherwise than the model says.
bh_status bh_examples_check_range(const bh_examples *examples, const bh_model *m,
                                  bh_error *err) BH_MUST_CHECK;

// The means of m in floats against the outputs: the largest difference divided by the
// largest |output|. BH_ERR_RANGE if one of the means' logits is not finite,
// BH_ERR_NOMEM.
bh_status bh_examples_compare(double *difference, const bh_examples *examples,
                              const bh_model *m, bh_error *err) BH_MUST_CHECK;

// The file that bh_import reads as m again, up to the rounding of floats. *raised is
// the number of deviations that are written as bh_transform_least, for being smaller;
// "plain" leaves deviations out. Layers are called conv1, conv2, ... and fc1, fc2, ....
// Errors: BH_ERR_ARG for an unknown format, BH_ERR_NOMEM.
bh_status bh_export(bh_writer *w, size_t *raised, const bh_model *m, const char *format,
                    bh_error *err) BH_MUST_CHECK;

#endif
