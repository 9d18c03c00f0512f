// SPDX-License-Identifier: Apache-2.0
#include "bayes/options.h"

#include "base/error.h"

// Chosen on the last 10,000 training images of MNIST (docs/training.md).
bh_train_options bh_train_defaults(void)
{
    return (bh_train_options){
        .epochs = 30,
        .batch = 128,
        .learning_rate = 2e-3,
        .prior_dev = 0.1,
        .kl_weight = 0.1,
        .pretrain_epochs = 8,
        .shift_max = 2,
        .seed = 1,
    };
}

static bh_status check_options(const bh_train_options *o, bh_error *err)
{
    if (o->epochs == 0 || o->batch == 0) {
        return bh_fail(err, BH_ERR_ARG,
                       "training needs at least one epoch and a batch "
                       "of at least one image");
    }
    if (!(o->learning_rate > 0) || !(o->prior_dev > 0) || !(o->kl_weight >= 0)) {
        return bh_fail(err, BH_ERR_ARG,
                       "learning rate and prior deviation must be positive, the KL "
                       "weight must not be negative");
    }
    return BH_OK;
}

static bh_status check_images(const bh_graph *g, const bh_images *images,
                              const bh_train_options *o, bh_error *err)
{
    const bh_shape a = images->shape, b = g->input.shape;
    if (a.channels != b.channels || a.height != b.height || a.width != b.width) {
        return bh_fail(err, BH_ERR_ARG,
                       "the images are %ux%u with %u channels, the network wants %ux%u "
                       "with %u",
                       a.height, a.width, a.channels, b.height, b.width, b.channels);
    }
    if (images->count == 0 || images->count > BH_IMAGES_COUNT_MAX ||
        images->labels == NULL) {
        return bh_fail(err, BH_ERR_ARG, "there are no labelled training images");
    }
    if (o->shift_max >= a.height || o->shift_max >= a.width) {
        return bh_fail(err, BH_ERR_ARG, "shifts of %u pixels leave nothing of an image",
                       o->shift_max);
    }
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] >= g->n_classes) {
            return bh_fail(err, BH_ERR_ARG,
                           "image %zu has label %u, the network has %u "
                           "classes",
                           i, images->labels[i], g->n_classes);
        }
    }
    return BH_OK;
}

bh_status bh_train_check(const bh_graph *g, const bh_images *images,
                         const bh_train_options *options, bh_error *err)
{
    bh_status status = check_options(options, err);
    return status == BH_OK ? check_images(g, images, options, err) : status;
}
