// SPDX-License-Identifier: Apache-2.0
#include "infer/store.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"

// A slot goes round: one thread claims what is empty, fills it, and makes it full; one
// claims what is full, uses it, erases it, and leaves it empty. Who has claimed a slot
// owns its unit; the release of one state and the acquire of the next order the unit's
// contents.
enum { EMPTY, FILLING, FULL, TAKEN };

typedef struct slot {
    atomic_int state;
    bh_prepared unit; // its memory is taken when it is filled first
    bool has_memory;
} slot;

typedef struct shelf {
    size_t capacity;
    slot *slots; // [capacity]; the k-th is for sample number k mod S
} shelf;

struct bh_store {
    const bh_plan *plan;
    const bh_model *model;
    uint32_t n_layers;
    shelf *shelves; // one per layer
};

static uint64_t slot_bytes(const bh_plan *plan, const bh_model *model, uint32_t layer)
{
    return sizeof(slot) + bh_prepared_bytes_ahead(plan, model, layer);
}

// One unit of every layer.
static uint64_t sample_bytes(const bh_plan *plan, const bh_model *model)
{
    uint64_t bytes = slot_bytes(plan, model, 0); // there is a linear layer in any graph
    for (uint32_t i = 1; i < plan->n_layers; i++) {
        bytes += slot_bytes(plan, model, i);
    }
    return bytes;
}

uint64_t bh_store_query_bytes(const bh_plan *plan, const bh_model *model)
{
    return plan->samples * sample_bytes(plan, model);
}

// The same number for every layer, for a query needs the same of each; then one more of
// the first layers as far as that goes.
static void share(bh_store *store, uint64_t bytes)
{
    uint64_t all = sample_bytes(store->plan, store->model);
    uint64_t left = bytes % all;
    for (uint32_t i = 0; i < store->n_layers; i++) {
        uint64_t one = slot_bytes(store->plan, store->model, i);
        bool fits = one <= left;
        store->shelves[i].capacity = (size_t)(bytes / all) + fits;
        left -= fits ? one : 0;
    }
}

bh_status bh_store_new(bh_store **out, const bh_plan *plan, const bh_model *model,
                       uint64_t bytes)
{
    *out = NULL;
    bh_store *store = bh_alloc(1, sizeof *store);
    if (store == NULL) {
        return BH_ERR_NOMEM;
    }
    store->plan = plan;
    store->model = model;
    store->n_layers = plan->n_layers;
    store->shelves = bh_alloc(plan->n_layers, sizeof *store->shelves);
    bool ok = store->shelves != NULL;
    if (ok) {
        share(store, bytes);
    }
    for (uint32_t i = 0; ok && i < plan->n_layers; i++) {
        shelf *h = &store->shelves[i];
        h->slots = bh_alloc(h->capacity, sizeof *h->slots);
        ok = h->slots != NULL;
    }
    if (!ok) {
        bh_store_free(store);
        return BH_ERR_NOMEM;
    }
    *out = store;
    return BH_OK;
}

void bh_store_free(bh_store *store)
{
    if (store == NULL) {
        return;
    }
    for (uint32_t i = 0; store->shelves != NULL && i < store->n_layers; i++) {
        shelf *h = &store->shelves[i];
        for (size_t k = 0; h->slots != NULL && k < h->capacity; k++) {
            bh_prepared_clear(&h->slots[k].unit);
        }
        bh_free(h->slots);
    }
    bh_free(store->shelves);
    bh_free(store);
}

static bool claim(slot *s, int from, int to)
{
    return atomic_load_explicit(&s->state, memory_order_relaxed) == from &&
           atomic_compare_exchange_strong_explicit(
               &s->state, &from, to, memory_order_acquire, memory_order_relaxed);
}

static void set_state(slot *s, int state)
{
    atomic_store_explicit(&s->state, state, memory_order_release);
}

// An empty slot, of the layer that has the fewest before it, so that layers fill
// evenly; which layer and sample it is for.
static slot *claim_empty(bh_store *store, uint32_t *layer, uint32_t *sample)
{
    size_t largest = 0;
    for (uint32_t i = 0; i < store->n_layers; i++) {
        size_t here = store->shelves[i].capacity;
        largest = here > largest ? here : largest;
    }
    for (size_t k = 0; k < largest; k++) {
        for (uint32_t i = 0; i < store->n_layers; i++) {
            shelf *h = &store->shelves[i];
            if (k < h->capacity && claim(&h->slots[k], EMPTY, FILLING)) {
                *layer = i;
                *sample = (uint32_t)(k % store->plan->samples);
                return &h->slots[k];
            }
        }
    }
    return NULL;
}

static void erase(const bh_store *store, slot *s)
{
    if (s->has_memory) {
        bh_prepared_wipe(&s->unit, store->plan, store->model);
    }
    set_state(s, EMPTY);
}

static bh_status take_memory(const bh_store *store, slot *s, uint32_t layer)
{
    bh_status status = BH_OK;
    if (!s->has_memory) {
        status = bh_prepared_init_ahead(&s->unit, store->plan, store->model, layer);
        s->has_memory = status == BH_OK;
    }
    if (!s->has_memory) {
        bh_prepared_clear(&s->unit);
    }
    return status;
}

static bh_status fill(const bh_store *store, slot *s, uint32_t layer, uint32_t sample)
{
    uint8_t seed[BH_SEED_BYTES];
    bh_maker maker = {0};
    bh_status status = take_memory(store, s, layer);
    if (status == BH_OK) {
        status = bh_maker_init(&maker, store->plan->he);
    }
    if (status == BH_OK) {
        status = bh_random_bytes(seed, sizeof seed);
    }
    if (status == BH_OK) {
        status = bh_prepared_make(&s->unit, &maker, store->plan, store->model, seed,
                                  layer, sample);
    }
    bh_wipe(seed, sizeof seed);
    bh_maker_clear(&maker);
    return status;
}

bh_status bh_store_fill(bh_store *store)
{
    uint32_t layer = 0, sample = 0;
    slot *s = claim_empty(store, &layer, &sample);
    if (s == NULL) {
        return BH_WANT_MORE;
    }
    bh_status status = fill(store, s, layer, sample);
    if (status == BH_OK) {
        set_state(s, FULL);
    } else {
        erase(store, s);
    }
    return status;
}

static bool same_member(const bh_store *store, size_t k, uint32_t sample)
{
    uint32_t members = store->model->members;
    return k % store->plan->samples % members == sample % members;
}

bh_prepared *bh_store_take(bh_store *store, uint32_t layer, uint32_t sample)
{
    const shelf *h = store != NULL ? &store->shelves[layer] : NULL;
    for (size_t k = 0; h != NULL && k < h->capacity; k++) {
        if (same_member(store, k, sample) && claim(&h->slots[k], FULL, TAKEN)) {
            return &h->slots[k].unit;
        }
    }
    return NULL;
}

void bh_store_give_back(bh_store *store, bh_prepared *unit)
{
    erase(store, (slot *)(void *)((char *)unit - offsetof(slot, unit)));
}

size_t bh_store_ready(const bh_store *store, uint32_t layer)
{
    const shelf *h = &store->shelves[layer];
    size_t count = 0;
    for (size_t k = 0; k < h->capacity; k++) {
        count += atomic_load_explicit(&h->slots[k].state, memory_order_relaxed) == FULL;
    }
    return count;
}

size_t bh_store_capacity(const bh_store *store, uint32_t layer)
{
    return store->shelves[layer].capacity;
}
