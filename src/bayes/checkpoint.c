// SPDX-License-Identifier: Apache-2.0
// magic, digest of the run, position, then vectors of numbers, then SHA-256 of it all.
#include "bayes/checkpoint.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

static const uint8_t magic[8] = {0x89, 'B', 'H', 'C', '\r', '\n', 0x1a, '\n'};

#define DIGEST_BYTES 32

static void write_augment(bh_writer *w, const bh_augment *a)
{
    bh_writer_u32(w, a->shift);
    bh_writer_f64(w, a->rotate);
    bh_writer_f64(w, a->scale);
    bh_writer_u8(w, a->flip_horizontal);
    bh_writer_u8(w, a->flip_vertical);
    bh_writer_u8(w, a->turn);
    bh_writer_u8(w, a->repeat_edge);
}

// Everything of the options that the result depends on.
static void write_options(bh_writer *w, const bh_train_options *o)
{
    bh_writer_u8(w, o->bayesian);
    bh_writer_u32(w, o->members);
    bh_writer_u32(w, o->epochs);
    bh_writer_u32(w, o->batch);
    bh_writer_u8(w, o->sgd);
    bh_writer_f64(w, o->momentum);
    bh_writer_f64(w, o->learning_rate);
    bh_writer_u8(w, (uint8_t)o->schedule);
    bh_writer_f64(w, o->weight_decay);
    write_augment(w, &o->augment);
    bh_writer_u8(w, o->balance);
    bh_writer_u8(w, (uint8_t)o->estimator);
    bh_writer_f64(w, o->prior.dev);
    bh_writer_u8(w, o->prior.mixture);
    bh_writer_f64(w, o->prior.share);
    bh_writer_f64(w, o->prior.dev2);
    bh_writer_f64(w, o->kl_weight);
    bh_writer_f64(w, o->kl_warmup);
    bh_writer_u32(w, o->pretrain_epochs);
    bh_writer_f64(w, o->first_dev);
    bh_writer_u32(w, o->validation_samples);
    bh_writer_u32(w, o->patience);
    bh_writer_u64(w, o->seed);
}

static bh_status add_images(uint8_t digest[DIGEST_BYTES], const bh_images *images)
{
    if (images == NULL) {
        return BH_OK;
    }
    uint8_t pixels[DIGEST_BYTES], both[2 * DIGEST_BYTES];
    const size_t len = images->count * bh_shape_len(images->shape);
    bh_status status =
        bh_hash(pixels, images->pixels, len, images->labels, images->count);
    memcpy(both, digest, DIGEST_BYTES);
    memcpy(both + DIGEST_BYTES, pixels, DIGEST_BYTES);
    return status == BH_OK ? bh_hash(digest, both, sizeof both, NULL, 0) : status;
}

static bh_status compute_digest(uint8_t digest[DIGEST_BYTES], const bh_train_run *r)
{
    bh_writer w = {0};
    bh_graph_write(&r->model->graph, &w);
    write_options(&w, r->options);
    bh_writer_u32(&w, sizeof(bh_real));
    if (r->options->init != NULL) {
        bh_status ignored = bh_model_write(r->options->init, &w);
        (void)ignored; // sticks to w
    }
    bh_status status = w.status;
    if (status == BH_OK) {
        status = bh_hash(digest, w.data, w.len, NULL, 0);
    }
    bh_writer_clear(&w);
    status = status == BH_OK ? add_images(digest, r->images) : status;
    return status == BH_OK ? add_images(digest, r->options->validation) : status;
}

// All images go into it: once in a run, not at every epoch.
static bh_status digest_of(uint8_t digest[DIGEST_BYTES], bh_train_run *r)
{
    bh_status status = r->has_digest ? BH_OK : compute_digest(r->digest, r);
    r->has_digest = status == BH_OK;
    memcpy(digest, r->digest, DIGEST_BYTES);
    return status;
}

// The vectors of a run in one order for writing and for reading; NULL where the run
// has none.
#define VECTORS 8
static void vectors(bh_real *out[VECTORS], const bh_train_run *r)
{
    const bh_trainer *t = &r->trainer;
    out[0] = t->posterior.mean;
    out[1] = t->posterior.rho;
    out[2] = t->mean_optimiser.first;
    out[3] = t->mean_optimiser.second;
    out[4] = t->rho_optimiser.first;
    out[5] = t->rho_optimiser.second;
    out[6] = r->best_mean;
    out[7] = r->best_rho;
}

static void write_body(bh_writer *w, const bh_train_run *r)
{
    bh_writer_u32(w, r->member);
    bh_writer_u32(w, r->epoch);
    bh_writer_u64(w, r->at);
    bh_writer_f64(w, r->loss);
    bh_writer_u64(w, r->hits);
    bh_writer_f64(w, r->best_loss);
    bh_writer_u32(w, r->stale);
    bh_writer_u64(w, r->trainer.mean_optimiser.steps);
    bh_writer_u64(w, r->trainer.rho_optimiser.steps);
    bh_real *all[VECTORS];
    vectors(all, r);
    for (size_t i = 0; i < VECTORS; i++) {
        if (all[i] != NULL) {
            bh_writer_bytes(w, all[i], r->trainer.posterior.len * sizeof *all[i]);
        }
    }
    for (uint32_t m = 0; m < r->member; m++) {
        for (uint32_t i = 0; i < bh_graph_linear_count(&r->model->graph); i++) {
            const bh_posterior *p = bh_model_posterior(r->model, m, i);
            bh_writer_bytes(w, p->mean, (p->n_weights + p->n_bias) * sizeof *p->mean);
            bh_writer_bytes(w, p->dev, (p->n_weights + p->n_bias) * sizeof *p->dev);
        }
    }
}

bh_status bh_checkpoint_save(bh_train_run *r, const char *path, bh_error *err)
{
    bh_writer w = {0};
    uint8_t digest[DIGEST_BYTES] = {0};
    bh_status status = digest_of(digest, r);
    bh_writer_bytes(&w, magic, sizeof magic);
    bh_writer_bytes(&w, digest, sizeof digest);
    write_body(&w, r);
    status = status == BH_OK ? w.status : status;
    if (status == BH_OK) {
        status = bh_hash(digest, w.data, w.len, NULL, 0);
    }
    bh_writer_bytes(&w, digest, sizeof digest);
    status = status == BH_OK ? w.status : status;
    if (status == BH_OK) {
        status = bh_file_replace(path, w.data, w.len, err);
    } else {
        bh_fail(err, status, "cannot write %s: %s", path, bh_status_message(status));
    }
    bh_writer_clear(&w);
    return status;
}

static void read_vector(bh_reader *r, void *out, size_t bytes)
{
    const uint8_t *data = bh_reader_bytes(r, bytes);
    if (data != NULL) {
        memcpy(out, data, bytes);
    }
}

static void read_body(bh_train_run *run, bh_reader *r)
{
    run->member = bh_reader_u32(r);
    run->epoch = bh_reader_u32(r);
    run->at = bh_reader_u64(r);
    run->loss = bh_reader_f64(r);
    run->hits = bh_reader_u64(r);
    run->best_loss = bh_reader_f64(r);
    run->stale = bh_reader_u32(r);
    run->trainer.mean_optimiser.steps = bh_reader_u64(r);
    run->trainer.rho_optimiser.steps = bh_reader_u64(r);
    bh_real *all[VECTORS];
    vectors(all, run);
    for (size_t i = 0; i < VECTORS; i++) {
        if (all[i] != NULL) {
            read_vector(r, all[i], run->trainer.posterior.len * sizeof *all[i]);
        }
    }
    if (run->member > run->options->members || run->epoch > run->options->epochs ||
        run->at >= run->images->count) {
        r->status = BH_ERR_ENCODING;
        return;
    }
    for (uint32_t m = 0; m < run->member; m++) {
        for (uint32_t i = 0; i < bh_graph_linear_count(&run->model->graph); i++) {
            bh_posterior *p = bh_model_posterior(run->model, m, i);
            read_vector(r, p->mean, (p->n_weights + p->n_bias) * sizeof *p->mean);
            read_vector(r, p->dev, (p->n_weights + p->n_bias) * sizeof *p->dev);
        }
    }
}

static bh_status check(bh_reader *r, bh_train_run *run, const char *path, bh_error *err)
{
    uint8_t digest[DIGEST_BYTES] = {0}, own[DIGEST_BYTES] = {0};
    const uint8_t *head = bh_reader_bytes(r, sizeof magic);
    if (head == NULL || memcmp(head, magic, sizeof magic) != 0 ||
        r->len < sizeof magic + 2 * DIGEST_BYTES) {
        return bh_fail(err, BH_ERR_ENCODING, "%s is not a checkpoint", path);
    }
    r->len -= DIGEST_BYTES;
    bh_status status = bh_hash(digest, r->data, r->len, NULL, 0);
    status = status == BH_OK ? digest_of(own, run) : status;
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    if (memcmp(digest, r->data + r->len, DIGEST_BYTES) != 0) {
        return bh_fail(err, BH_ERR_CHECKSUM,
                       "%s is damaged: its checksum does not match", path);
    }
    const uint8_t *run_digest = bh_reader_bytes(r, DIGEST_BYTES);
    if (run_digest == NULL || memcmp(run_digest, own, DIGEST_BYTES) != 0) {
        return bh_fail(err, BH_ERR_ARG,
                       "%s is of another run: network, data, options and seed have to "
                       "be the same to go on",
                       path);
    }
    return BH_OK;
}

bh_status bh_checkpoint_load(bh_train_run *run, const char *path, bh_error *err)
{
    uint8_t *data;
    size_t len;
    bh_status status = bh_file_load(&data, &len, path, SIZE_MAX, err);
    if (status != BH_OK) {
        return status;
    }
    bh_reader r = bh_reader_over(data, len);
    status = check(&r, run, path, err);
    if (status == BH_OK) {
        read_body(run, &r);
        if (bh_reader_finish(&r) != BH_OK) {
            status = bh_fail(err, BH_ERR_ENCODING, "%s is damaged", path);
        }
    }
    bh_free(data);
    return status;
}
