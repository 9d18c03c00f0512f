// SPDX-License-Identifier: Apache-2.0
// What training refuses, each with its sentence.
#include <math.h>
#include <string.h>

#include "bayes/options.h"
#include "support/bars.h"

#define COUNT 20

static void expect_refusal(const bh_model *m, const bh_images *images,
                           bh_train_options o, const char *part)
{
    bh_error err = {0};
    assert_status(bh_train_check(m, images, &o, &err), BH_ERR_ARG);
    assert_int_equal(err.status, BH_ERR_ARG);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
}

static void test_accepts(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bh_train_defaults();
    bh_error err = {0};
    assert_ok(bh_train_check(m, &images, &o, &err));
    o.augment = (bh_augment){.shift = BARS_SIDE - 1,
                             .rotate = 180,
                             .scale = 0.99,
                             .flip_horizontal = true,
                             .flip_vertical = true,
                             .turn = true,
                             .repeat_edge = true};
    o.validation = &images;
    o.patience = 1;
    o.init = m;
    assert_ok(bh_train_check(m, &images, &o, &err));
    assert_string_equal(err.message, "");
    bh_model_free(m);
    bh_images_clear(&images);
}

static void test_numbers(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    const double nowhere[] = {-1e-9, -INFINITY, NAN};
#define REFUSE(field, value, part)                                                     \
    do {                                                                               \
        bh_train_options o = bars_options();                                           \
        o.field = value;                                                               \
        expect_refusal(m, &images, o, part);                                           \
    } while (0)
    REFUSE(epochs, 0, "at least one epoch");
    REFUSE(batch, 0, "a batch of at least one image");
    REFUSE(members, 0, "one member");
    REFUSE(members, 2, "room for 1 members, not 2");
    REFUSE(learning_rate, 0, "the learning rate must be positive");
    REFUSE(momentum, 1, "the momentum from 0 to below 1");
    REFUSE(prior.dev, 0, "deviations of the prior must be positive");
    REFUSE(kl_warmup, 1.01, "the warm-up is a share of the steps");
    REFUSE(augment.rotate, 180.1, "rotations are up to 180 degrees");
    REFUSE(augment.scale, 1, "scalings below 1");
    REFUSE(augment.shift, BARS_SIDE, "shifts of 8 pixels leave nothing");
    REFUSE(patience, 1, "early stopping needs validation images");
    REFUSE(resume, true, "no checkpoint to go on from");
    REFUSE(weight_bits, 1, "2 to 8 bits");
    REFUSE(weight_bits, 9, "2 to 8 bits");
    REFUSE(act_bits, 1, "2 to 8 bits");
    REFUSE(act_bits, 9, "2 to 8 bits");
    for (size_t i = 0; i < 3; i++) {
        REFUSE(learning_rate, nowhere[i], "learning rate");
        REFUSE(momentum, nowhere[i], "momentum");
        REFUSE(weight_decay, nowhere[i], "weight decay");
        REFUSE(prior.dev, nowhere[i], "prior");
        REFUSE(kl_weight, nowhere[i], "KL weight");
        REFUSE(kl_warmup, nowhere[i], "warm-up");
        REFUSE(first_dev, nowhere[i], "first deviation");
        REFUSE(augment.rotate, nowhere[i], "rotations");
        REFUSE(augment.scale, nowhere[i], "scalings");
    }
#undef REFUSE
    bh_model_free(m);
    bh_images_clear(&images);
}

static void test_mixtures(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bars_options();
    const bh_prior wrong[] = {
        {.dev = 1, .mixture = true, .share = 0, .dev2 = 1},
        {.dev = 1, .mixture = true, .share = 1, .dev2 = 1},
        {.dev = 1, .mixture = true, .share = NAN, .dev2 = 1},
        {.dev = 1, .mixture = true, .share = 0.5, .dev2 = 0},
        {.dev = 0, .mixture = true, .share = 0.5, .dev2 = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.prior = wrong[i];
        expect_refusal(m, &images, o, "the share of a mixture between 0 and 1");
    }
    o.prior = (bh_prior){.dev = 1, .share = 7}; // which nobody reads
    assert_ok(bh_train_check(m, &images, &o, NULL));
    bh_model_free(m);
    bh_images_clear(&images);
}

// Of training and validation images alike.
static void check_images(const bh_model *m, bh_images *images, const bh_images *trained,
                         bh_train_options o)
{
    images->shape.height = BARS_SIDE / 2;
    expect_refusal(m, trained, o, "the images are 4x8 with 1 channels");
    images->shape.height = BARS_SIDE;
    images->labels[COUNT - 1] = BARS_CLASSES;
    expect_refusal(m, trained, o, "image 19 has label 3, the network has 3 classes");
    images->labels[COUNT - 1] = 0;
    images->count = 0;
    expect_refusal(m, trained, o, "there are no labelled");
    images->count = COUNT;
    uint8_t *labels = images->labels;
    images->labels = NULL;
    expect_refusal(m, trained, o, "there are no labelled");
    images->labels = labels;
}

static void test_images(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99), validation = bars_images(COUNT, 100);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bars_options();
    check_images(m, &images, &images, o);
    o.validation = &validation;
    check_images(m, &validation, &images, o);
    o.validation_samples = 0;
    expect_refusal(m, &images, o, "validation needs at least one draw");
    bh_model_free(m);
    bh_images_clear(&images);
    bh_images_clear(&validation);
}

static void test_turns_of_oblong_images(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_graph g;
    bh_model *m;
    const bh_input input = {.shape = {1, BARS_SIDE / 2, BARS_SIDE * 2}, .dev = {1}};
    assert_ok(bh_graph_from_text(&g, "fc classes", "oblong", input, 3, NULL));
    assert_ok(bh_model_new(&m, &g, 1));
    images.shape = input.shape;
    bh_train_options o = bars_options();
    assert_ok(bh_train_check(m, &images, &o, NULL));
    o.augment.turn = true;
    expect_refusal(m, &images, o, "only square images can be turned");
    bh_model_free(m);
    bh_images_clear(&images);
}

static void test_other_shapes(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    const char *nets[] = {"fc classes",
                          "conv 4 3x3 pad 1, relu, max 2, fc 9, fc classes",
                          "conv 5 3x3 pad 1, relu, max 2, fc classes"};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        bh_model *other = bars_model(nets[i], 1);
        bh_train_options o = bars_options();
        o.init = other;
        expect_refusal(m, &images, o, "of a network of other shapes");
        bh_model_free(other);
    }
    bh_model_free(m);
    bh_images_clear(&images);
}

// Nothing is touched where something is refused.
static void test_train_refuses(void **state)
{
    (void)state;
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1), *untouched = bars_model(BARS_NET, 1);
    bh_train_options o = bars_options();
    bh_error err = {0};
    o.learning_rate = -1;
    assert_status(bh_train(m, &images, &o, &err), BH_ERR_ARG);
    assert_true(err.message[0] != '\0' && !m->graph.quantised);
    assert_true(bars_same(m, untouched));
    bh_model_free(m);
    bh_model_free(untouched);
    bh_images_clear(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_mixtures),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_turns_of_oblong_images),
        cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_train_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
