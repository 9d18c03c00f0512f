// SPDX-License-Identifier: Apache-2.0
// What is dealt is a unit: a group, or an example where there are no groups. The units
// are put in an order that the seed decides, and each goes to the part that is the
// least full, the first of these; parts may differ in size. Groups take any order;
// single examples go class by class, so that every part gets its share of each.
// Everything is in integers, so that every machine makes the same cut.
#include "data/cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/mix.h"

#define SHARE_ONE (1u << 20) // a share of 1

typedef struct unit {
    uint64_t order; // random
    uint32_t label; // 0 of groups
    uint32_t id;
    uint32_t size; // in examples
} unit;

typedef struct deck {
    const bh_dataset *data;
    uint8_t *split;
    size_t n_ids;   // groups, or examples
    size_t n_units; // those that have examples to deal
    unit *units;
    uint8_t *taken; // [n_ids]: dealt to the part that was asked for
} deck;

static size_t id_of(const deck *d, size_t example)
{
    return d->data->group != NULL ? d->data->group[example] : example;
}

// The units of those examples that are training examples so far.
static void count_units(deck *d, uint64_t seed)
{
    uint64_t key = bh_mix(seed);
    for (size_t i = 0; i < d->n_ids; i++) {
        d->units[i] = (unit){.order = bh_mix(key ^ i), .id = (uint32_t)i};
    }
    for (size_t i = 0; i < d->data->images.count; i++) {
        unit *u = &d->units[id_of(d, i)];
        u->size += d->split[i] == BH_SPLIT_TRAIN;
        u->label = d->data->group != NULL ? 0 : d->data->images.labels[i];
    }
    d->n_units = 0;
    for (size_t i = 0; i < d->n_ids; i++) {
        if (d->units[i].size > 0) {
            d->units[d->n_units++] = d->units[i];
        }
    }
}

static int compare(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    // mix is one to one, so that no two orders are equal.
    return x->order < y->order ? -1 : x->order > y->order;
}

// Deals the training examples to parts of these sizes, and makes `to` of those that
// fall to one part. Products stay below 2^24 examples times SHARE_ONE.
static void deal(deck *d, const uint32_t *shares, size_t n_parts, size_t part,
                 uint64_t seed, bh_split to)
{
    uint64_t filled[BH_CUT_FOLDS_MAX] = {0};
    count_units(d, seed);
    qsort(d->units, d->n_units, sizeof *d->units, compare);
    memset(d->taken, 0, d->n_ids);
    for (size_t i = 0; i < d->n_units; i++) {
        size_t best = 0;
        for (size_t k = 1; k < n_parts; k++) {
            best = filled[k] * shares[best] < filled[best] * shares[k] ? k : best;
        }
        filled[best] += d->units[i].size;
        d->taken[d->units[i].id] = best == part;
    }
    for (size_t i = 0; i < d->data->images.count; i++) {
        if (d->split[i] == BH_SPLIT_TRAIN && d->taken[id_of(d, i)]) {
            d->split[i] = (uint8_t)to;
        }
    }
}

static void deal_test(deck *d, uint32_t folds, uint32_t fold, uint64_t seed)
{
    uint32_t shares[BH_CUT_FOLDS_MAX];
    for (uint32_t k = 0; k < folds; k++) {
        shares[k] = 1;
    }
    deal(d, shares, folds, fold - 1, seed, BH_SPLIT_TEST);
}

static void deal_validation(deck *d, double share, uint64_t seed)
{
    uint32_t part = (uint32_t)(share * SHARE_ONE);
    part = part == 0 ? 1 : part;
    // Another order than that of the test split.
    deal(d, (uint32_t[]){SHARE_ONE - part, part}, 2, 1, bh_mix(~seed),
         BH_SPLIT_VALIDATION);
}

static void make(deck *d, const bh_cut *cut)
{
    const uint8_t *own = cut->folds == 0 ? d->data->split : NULL;
    size_t count = d->data->images.count;
    bool validation = false;
    if (own != NULL) {
        memcpy(d->split, own, count);
        validation = memchr(own, BH_SPLIT_VALIDATION, count) != NULL;
    } else {
        memset(d->split, BH_SPLIT_TRAIN, count);
        deal_test(d, cut->folds == 0 ? BH_CUT_FOLDS_DEFAULT : cut->folds,
                  cut->folds == 0 ? 1 : cut->fold, cut->seed);
    }
    if (!validation && cut->validation > 0) {
        deal_validation(d, cut->validation, cut->seed);
    }
}

static bh_status check(const bh_dataset *data, const bh_cut *cut, bh_error *err)
{
    size_t units = data->group != NULL ? data->n_groups : data->images.count;
    if (!(cut->validation >= 0 && cut->validation < 1)) {
        return bh_fail(err, BH_ERR_ARG,
                       "the validation split is a share of at least 0 and below 1");
    }
    if (cut->folds == 0) {
        return BH_OK;
    }
    if (cut->folds < 2 || cut->folds > BH_CUT_FOLDS_MAX) {
        return bh_fail(err, BH_ERR_ARG, "%u folds, not 2 to %d", cut->folds,
                       BH_CUT_FOLDS_MAX);
    }
    if (cut->fold < 1 || cut->fold > cut->folds) {
        return bh_fail(err, BH_ERR_ARG, "fold %u, not 1 to %u", cut->fold, cut->folds);
    }
    if (cut->folds > units) {
        return bh_fail(err, BH_ERR_ARG, "there are only %zu %s for %u folds", units,
                       data->group != NULL ? "groups" : "examples", cut->folds);
    }
    return BH_OK;
}

bh_status bh_cut_make(uint8_t *split, const bh_dataset *data, const bh_cut *cut,
                      bh_error *err)
{
    bh_status status = check(data, cut, err);
    if (status != BH_OK) {
        return status;
    }
    deck d = {.data = data,
              .split = split,
              .n_ids = data->group != NULL ? data->n_groups : data->images.count};
    d.units = bh_alloc(d.n_ids, sizeof *d.units);
    d.taken = bh_alloc(d.n_ids, 1);
    if (d.units != NULL && d.taken != NULL) {
        make(&d, cut);
    } else {
        status = bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_free(d.units);
    bh_free(d.taken);
    return status;
}
