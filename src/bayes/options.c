// SPDX-License-Identifier: Apache-2.0
#include "bayes/options.h"

#include "base/error.h"

// Chosen on the last 10,000 training images of MNIST (docs/training.md). Validation
// draws as often as evaluation does.
bh_train_options bh_train_defaults(void)
{
    return (bh_train_options){
        .bayesian = true,
        .members = 1,
        .epochs = 40,
        .batch = 128,
        .momentum = 0.9,
        .learning_rate = 2e-3,
        .augment = {.shift = 1, .rotate = 10, .scale = 0.1},
        .estimator = BH_ESTIMATOR_SAMPLE,
        .prior = {.dev = 0.1, .share = 0.5, .dev2 = 0.01},
        .kl_weight = 0.1,
        .kl_warmup = 1.0 / 3,
        .pretrain_epochs = 10,
        .first_dev = 0.1,
        .validation_samples = 8,
        .weight_bits = 8,
        .act_bits = 8,
        .seed = 1,
    };
}

static const char *problem(const bh_train_options *o)
{
    if (o->epochs == 0 || o->batch == 0 || o->members == 0) {
        return "training needs at least one epoch, one member and a batch of at least "
               "one image";
    }
    if (!(o->learning_rate > 0) || !(o->momentum >= 0) || !(o->momentum < 1) ||
        !(o->weight_decay >= 0)) {
        return "the learning rate must be positive, the momentum from 0 to below 1, "
               "the "
               "weight decay not negative";
    }
    if (!(o->prior.dev > 0) || (o->prior.mixture && !(o->prior.dev2 > 0)) ||
        (o->prior.mixture && !(o->prior.share > 0 && o->prior.share < 1))) {
        return "deviations of the prior must be positive, the share of a mixture "
               "between 0 and 1";
    }
    if (!(o->kl_weight >= 0) || !(o->kl_warmup >= 0) || !(o->kl_warmup <= 1) ||
        !(o->first_dev >= 0)) {
        return "the KL weight and the first deviation must not be negative, the "
               "warm-up "
               "is a share of the steps";
    }
    const bh_augment *a = &o->augment;
    if (!(a->rotate >= 0 && a->rotate <= 180) || !(a->scale >= 0 && a->scale < 1)) {
        return "rotations are up to 180 degrees, scalings below 1";
    }
    if (o->patience > 0 && o->validation == NULL) {
        return "early stopping needs validation images";
    }
    if (o->validation != NULL && o->validation_samples == 0) {
        return "validation needs at least one draw";
    }
    if (o->weight_bits < 2 || o->weight_bits > 8 || o->act_bits < 2 ||
        o->act_bits > 8) {
        return "weights and activations are quantised to 2 to 8 bits";
    }
    if (o->resume && o->checkpoint == NULL) {
        return "there is no checkpoint to go on from";
    }
    return NULL;
}

static bh_status check_images(const bh_graph *g, const bh_images *images,
                              const bh_train_options *o, bh_error *err)
{
    const bh_shape a = images->shape, b = g->input.shape;
    if (!bh_shape_equal(a, b)) {
        return bh_fail(err, BH_ERR_ARG,
                       "the images are %ux%u with %u channels, the network wants %ux%u "
                       "with %u",
                       a.height, a.width, a.channels, b.height, b.width, b.channels);
    }
    if (images->count == 0 || images->count > BH_IMAGES_COUNT_MAX ||
        images->labels == NULL) {
        return bh_fail(err, BH_ERR_ARG, "there are no labelled training images");
    }
    if (o->augment.shift >= a.height || o->augment.shift >= a.width) {
        return bh_fail(err, BH_ERR_ARG, "shifts of %u pixels leave nothing of an image",
                       o->augment.shift);
    }
    if (o->augment.turn && a.height != a.width) {
        return bh_fail(err, BH_ERR_ARG,
                       "only square images can be turned by 90 degrees");
    }
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] >= g->n_classes) {
            return bh_fail(err, BH_ERR_ARG,
                           "image %zu has label %u, the network has %u classes", i,
                           images->labels[i], g->n_classes);
        }
    }
    return BH_OK;
}

static bool same_shapes(const bh_model *a, const bh_model *b)
{
    const uint32_t count = bh_graph_linear_count(&a->graph);
    bool same = count == bh_graph_linear_count(&b->graph);
    for (uint32_t i = 0; i < count && same; i++) {
        const bh_posterior *p = bh_model_posterior(a, 0, i);
        const bh_posterior *q = bh_model_posterior(b, 0, i);
        same = p->n_weights == q->n_weights && p->n_bias == q->n_bias;
    }
    return same;
}

bh_status bh_train_check(const bh_model *m, const bh_images *images,
                         const bh_train_options *options, bh_error *err)
{
    const char *sentence = problem(options);
    if (sentence != NULL) {
        return bh_fail(err, BH_ERR_ARG, "%s", sentence);
    }
    if (m->members != options->members) {
        return bh_fail(err, BH_ERR_ARG, "the model has room for %u members, not %u",
                       m->members, options->members);
    }
    if (options->init != NULL && !same_shapes(m, options->init)) {
        return bh_fail(err, BH_ERR_ARG,
                       "the weights to start from are of a network of other shapes");
    }
    bh_status status = check_images(&m->graph, images, options, err);
    if (status == BH_OK && options->validation != NULL) {
        status = check_images(&m->graph, options->validation, options, err);
    }
    return status;
}
