// SPDX-License-Identifier: Apache-2.0
// What inferences are measured on: a model, an image, and what the results must be.
//
// Nobody outside the server knows which weights it drew, so results are checked in two
// ways. A twin of the model whose deviations are zero has one possible result, and an
// encrypted inference with it must give that, bit for bit. Results of the model itself
// must lie where clear inference with 64 other draws says: a wrong decryption is
// anywhere modulo 2^l.
#ifndef BH_BENCH_SUBJECT_H
#define BH_BENCH_SUBJECT_H

#include "bench.h"
#include "model/model.h"

// The options that name a model and how it is served.
typedef struct subject_options {
    const char *net, *model; // exactly one is given
    bh_guard guard;
    uint32_t samples;
} subject_options;

#define SUBJECT_DEFAULTS                                                               \
    {                                                                                  \
        .guard = BH_GUARD_SAMPLED, .samples = 8                                        \
    }

// `val`s above those of BENCH_OPTIONS.
enum { SUBJECT_NET = 1100, SUBJECT_MODEL, SUBJECT_GUARD, SUBJECT_SAMPLES };
#define SUBJECT_OPTIONS                                                                \
    {"net", required_argument, NULL, SUBJECT_NET},                                     \
        {"model", required_argument, NULL, SUBJECT_MODEL},                             \
        {"guard", required_argument, NULL, SUBJECT_GUARD},                             \
    {                                                                                  \
        "samples", required_argument, NULL, SUBJECT_SAMPLES                            \
    }
#define SUBJECT_HELP                                                                   \
    "  --net NAME     a synthetic model: lenet5, netd, lenet-caffe or\n"               \
    "                 minionn-cifar\n"                                                 \
    "  --model FILE   a trained one (.bhn)\n"                                          \
    "  --guard NAME   sampled or sealed [sampled]\n"                                   \
    "  --samples S    draws of the weights for every image [8]\n"

// Takes an option if it is one of these; complains and returns false otherwise.
bool subject_take(const char *command, subject_options *o, int option,
                  const char *value);
// Complains unless one model was named.
bool subject_is_named(const char *command, const subject_options *o);
const char *subject_name(const subject_options *o);

typedef struct subject {
    bh_model *model, *twin;
    uint8_t *pixels;
    size_t n_classes;
    double *certain;    // logits of the twin
    double *mean, *dev; // of each logit, over draws of the model
} subject;

// The model alone. Errors: those of bh_model_synthetic and bh_model_load.
bh_status subject_load(bh_model **out, const subject_options *o,
                       bh_error *err) BH_MUST_CHECK;

// Everything. Errors: those of subject_load and bh_model_infer_clear. *s is to be
// cleared in any case.
bh_status subject_init(subject *s, const subject_options *o,
                       bh_error *err) BH_MUST_CHECK;
void subject_clear(subject *s);

// Whether logits [samples][n_classes] of the twin are exactly its own.
bool subject_is_exact(const subject *s, const double *logits, size_t samples);
// Whether logits of the twin under guard `sealed`, which rounds stochastically, are
// near its own: within a sixteenth of the range that they cover. A wrong share is
// anywhere modulo 2^l.
bool subject_is_near(const subject *s, const double *logits, size_t samples);
// Whether the mean logits of `samples` draws of the model are within 8 deviations of
// what they must be: false by chance once in 10^13 classes.
bool subject_is_likely(const subject *s, const double *logits, size_t samples);

#endif
