// SPDX-License-Identifier: Apache-2.0
// The files that an interrupted training run goes on from: what is no such file, what
// is another run's, and what the machine refuses.
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "bayes/checkpoint.h"
#include "support/bars.h"
#include "support/faults.h"
#include "support/stopped.h"

#define COUNT        130
#define DIGEST_BYTES 32
#define HEAD_BYTES   (8 + DIGEST_BYTES) // magic and the digest of the run

// A run that was stopped in its Bayesian phase, of the second member.
typedef struct stopped {
    place place;
    bh_images images, validation;
    bh_model *model;
    bh_train_options options;
    stopper stopper;
    uint8_t *data;
    size_t len;
} stopped;

static void stopped_init(stopped *s)
{
    bh_error err = {0};
    *s = (stopped){.place = place_new(),
                   .images = bars_images(COUNT, 99),
                   .validation = bars_images(30, 100),
                   .model = bars_model("fc classes", 2),
                   .options = bars_short_options()};
    s->options.members = 2;
    s->options.validation = &s->validation;
    s->options.patience = 3;
    s->options.checkpoint = s->place.path;
    s->options.should_stop = should_stop;
    s->options.user = &s->stopper;
    s->stopper.left = 18 + 6 + 10;
    assert_status(bh_train(s->model, &s->images, &s->options, &err), BH_WANT_MORE);
    assert_ok(bh_file_load(&s->data, &s->len, s->place.path, SIZE_MAX, &err));
}

static void stopped_clear(stopped *s)
{
    bh_free(s->data);
    bh_model_free(s->model);
    bh_images_clear(&s->images);
    bh_images_clear(&s->validation);
    place_clear(&s->place);
}

static bh_status load(const stopped *s, bh_error *err)
{
    bh_train_run run;
    *err = (bh_error){0};
    assert_ok(bh_train_run_init(&run, s->model, &s->images, &s->options));
    bh_status status = bh_checkpoint_load(&run, s->place.path, err);
    if (status == BH_OK) {
        assert_int_equal(run.member, 1);
        assert_true(run.epoch >= 3 && run.at > 0);
    }
    bh_train_run_clear(&run);
    return status;
}

// Over what is there: a file that is emptied first is sent to the disk by some systems.
static void write_file(const stopped *s, const uint8_t *data, size_t len)
{
    FILE *f = fopen(s->place.path, "r+b");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(truncate(s->place.path, (off_t)len), 0);
}

// One bit of every byte.
static void test_damage(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("damage");
    stopped s;
    bh_error err;
    stopped_init(&s);
    assert_ok(load(&s, &err));
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t bit = (uint8_t)(1 << test_rng_below(&rng, 8));
        s.data[i] ^= bit;
        write_file(&s, s.data, s.len);
        assert_status(load(&s, &err), i < 8 ? BH_ERR_ENCODING : BH_ERR_CHECKSUM);
        assert_non_null(strstr(err.message, i < 8 ? "not a checkpoint" : "is damaged"));
        s.data[i] ^= bit;
    }
    write_file(&s, s.data, s.len);
    assert_ok(load(&s, &err));
    stopped_clear(&s);
}

static void test_truncation(void **state)
{
    (void)state;
    stopped s;
    bh_error err;
    stopped_init(&s);
    for (size_t len = s.len; len-- > 0;) {
        assert_int_equal(truncate(s.place.path, (off_t)len), 0);
        bh_status status = load(&s, &err);
        assert_true(status == BH_ERR_ENCODING || status == BH_ERR_CHECKSUM);
        assert_non_null(strstr(err.message, s.place.path));
    }
    stopped_clear(&s);
}

static void seal(uint8_t *data, size_t len)
{
    const size_t body = len - DIGEST_BYTES;
    assert_ok(bh_hash(data + body, data, body, NULL, 0));
}

// What a checksum that matches does not save: positions outside of the run, and files
// that are too short or too long.
static void test_forgeries(void **state)
{
    (void)state;
    stopped s;
    bh_error err;
    stopped_init(&s);
    const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{HEAD_BYTES, 3}, {HEAD_BYTES + 4, 7}, {HEAD_BYTES + 8, COUNT}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const uint8_t kept = s.data[wrong[i].at];
        s.data[wrong[i].at] = wrong[i].value;
        seal(s.data, s.len);
        write_file(&s, s.data, s.len);
        assert_status(load(&s, &err), BH_ERR_ENCODING);
        s.data[wrong[i].at] = kept;
    }
    uint8_t *longer = bh_alloc(s.len + 4, 1);
    memcpy(longer, s.data, s.len);
    seal(longer, s.len + 4);
    write_file(&s, longer, s.len + 4);
    assert_status(load(&s, &err), BH_ERR_ENCODING);
    for (size_t less = 1; less < s.len - HEAD_BYTES - DIGEST_BYTES; less += 37) {
        memcpy(longer, s.data, s.len);
        seal(longer, s.len - less);
        write_file(&s, longer, s.len - less);
        assert_status(load(&s, &err), BH_ERR_ENCODING);
    }
    bh_free(longer);
    stopped_clear(&s);
}

// ---- other runs ----

static void expect_other(const stopped *s)
{
    bh_error err;
    assert_status(load(s, &err), BH_ERR_ARG);
    assert_non_null(strstr(err.message, "is of another run"));
}

static void test_other_options(void **state)
{
    (void)state;
    stopped s;
    stopped_init(&s);
    const bh_train_options kept = s.options;
#define OTHER(field, value)                                                            \
    do {                                                                               \
        s.options.field = value;                                                       \
        expect_other(&s);                                                              \
        s.options = kept;                                                              \
    } while (0)
    OTHER(bayesian, false);
    OTHER(epochs, 7);
    OTHER(batch, 51);
    OTHER(sgd, true);
    OTHER(momentum, 0.8);
    OTHER(learning_rate, 1e-3);
    OTHER(schedule, BH_SCHEDULE_STEP);
    OTHER(weight_decay, 1e-9);
    OTHER(augment.shift, 3);
    OTHER(augment.rotate, 1);
    OTHER(augment.scale, 0.2);
    OTHER(augment.flip_horizontal, true);
    OTHER(augment.flip_vertical, true);
    OTHER(augment.turn, true);
    OTHER(augment.repeat_edge, true);
    OTHER(balance, true);
    OTHER(estimator, BH_ESTIMATOR_FLIPOUT);
    OTHER(prior.dev, 0.2);
    OTHER(prior.mixture, true);
    OTHER(prior.share, 0.4);
    OTHER(prior.dev2, 0.3);
    OTHER(kl_weight, 0.5);
    OTHER(kl_warmup, 0);
    OTHER(pretrain_epochs, 2);
    OTHER(first_dev, 0.2);
    OTHER(init, s.model);
    OTHER(validation, NULL);
    OTHER(validation_samples, 9);
    OTHER(patience, 4);
    OTHER(seed, 43);
#undef OTHER
    bh_error err;
    s.options.weight_bits = 7; // they come after what a checkpoint keeps
    s.options.act_bits = 7;
    assert_ok(load(&s, &err));
    stopped_clear(&s);
}

static void test_other_data(void **state)
{
    (void)state;
    stopped s;
    stopped_init(&s);
    uint8_t *bytes[] = {&s.images.pixels[700], &s.images.labels[COUNT - 1],
                        &s.validation.pixels[0], &s.validation.labels[3]};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        *bytes[i] ^= 1;
        expect_other(&s);
        *bytes[i] ^= 1;
    }
    s.images.count--;
    expect_other(&s);
    s.images.count++;
    bh_model *own = s.model;
    s.model = bars_model("fc classes", 2);
    bh_error err;
    assert_ok(load(&s, &err));
    s.model->graph.input.dev[0] = 0.5f;
    expect_other(&s);
    bh_model_free(s.model);
    s.model = bars_model("fc 3, fc classes", 2);
    expect_other(&s);
    bh_model_free(s.model);
    s.model = own;
    stopped_clear(&s);
}

// ---- what the machine refuses ----

static void test_paths(void **state)
{
    (void)state;
    const place p = place_new();
    bh_images images = bars_images(COUNT, 99);
    bh_model *m = bars_model(BARS_NET, 1);
    bh_train_options o = bars_short_options();
    bh_error err = {0};
    char inside[64];
    snprintf(inside, sizeof inside, "%s/none/run", p.dir);
    const char *paths[] = {inside, p.dir};
    for (size_t i = 0; i < 2; i++) {
        o.checkpoint = paths[i];
        o.resume = false;
        assert_status(bh_train(m, &images, &o, &err), BH_ERR_IO);
        assert_non_null(strstr(err.message, paths[i]));
        o.resume = true;
        assert_status(bh_train(m, &images, &o, &err), BH_ERR_IO);
        assert_non_null(strstr(err.message, paths[i]));
    }
    bh_model_free(m);
    bh_images_clear(&images);
    place_clear(&p);
}

static bh_status save_and_load(void *stopped_)
{
    const stopped *s = stopped_;
    bh_error err = {0};
    bh_train_run run;
    bh_status status = bh_train_run_init(&run, s->model, &s->images, &s->options);
    if (status == BH_OK) {
        status = bh_checkpoint_load(&run, s->place.path, &err);
    }
    if (status == BH_OK) {
        status = bh_checkpoint_save(&run, s->place.path, &err);
    }
    bh_train_run_clear(&run);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    stopped s;
    bh_error err;
    uint8_t *again;
    size_t len;
    stopped_init(&s);
    size_t failed =
        fail_each(&bh_hooks_get()->fail_alloc_at, BH_ERR_NOMEM, save_and_load, &s);
    assert_true(failed > 40);
    assert_ok(bh_file_load(&again, &len, s.place.path, SIZE_MAX, &err)); // what it was
    assert_int_equal(len, s.len);
    assert_memory_equal(again, s.data, len);
    bh_free(again);
    stopped_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_forgeries),  cmocka_unit_test(test_other_options),
        cmocka_unit_test(test_other_data), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
