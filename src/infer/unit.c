// SPDX-License-Identifier: Apache-2.0
#include "infer/unit.h"

#include "base/memory.h"

static size_t input_len(const bh_plan *plan, uint32_t i)
{
    return bh_script_inputs(plan->script, i) *
           bh_linear_in_len(&plan->layers[i].linear);
}

static size_t output_len(const bh_plan *plan, uint32_t i)
{
    return plan->samples * bh_linear_out_len(&plan->layers[i].linear);
}

// Words of layer i: the client's inputs or the server's weights, and the outputs.
static size_t first_words(const bh_plan *plan, uint32_t i, bool is_client)
{
    return is_client
               ? input_len(plan, i)
               : plan->samples * (size_t)bh_linear_weights(&plan->layers[i].linear);
}

static size_t count_words(const bh_plan *plan, bool is_client)
{
    size_t words = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        words += first_words(plan, i, is_client) + output_len(plan, i);
    }
    return words;
}

static void share_out(bh_unit *unit, const bh_plan *plan, bool is_client)
{
    uint32_t *at = unit->words;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        if (is_client) {
            unit->input[i] = at;
        } else {
            unit->weights[i] = (int32_t *)at;
        }
        at += first_words(plan, i, is_client);
        unit->output[i] = at;
        at += output_len(plan, i);
    }
}

static bh_status fill(bh_unit *unit, const bh_plan *plan, bool is_client)
{
    const bh_supplier_batch *n = &plan->script->transfers;
    unit->n_words = count_words(plan, is_client);
    unit->words = bh_alloc(unit->n_words, sizeof *unit->words);
    unit->input = bh_alloc(plan->n_layers, sizeof(uint32_t *));
    unit->output = bh_alloc(plan->n_layers, sizeof(uint32_t *));
    unit->weights = bh_alloc(plan->n_layers, sizeof(int32_t *));
    if (unit->words == NULL || unit->input == NULL || unit->output == NULL ||
        unit->weights == NULL) {
        return BH_ERR_NOMEM;
    }
    share_out(unit, plan, is_client);
    bh_status status =
        bh_rot_supply_init_receiver(&unit->receive, bh_supplier_received(n, is_client));
    return status == BH_OK ? bh_rot_supply_init_sender(
                                 &unit->send, bh_supplier_received(n, !is_client))
                           : status;
}

bh_status bh_unit_new(bh_unit **out, const bh_plan *plan, bool is_client)
{
    *out = NULL;
    bh_unit *unit = bh_alloc(1, sizeof *unit);
    if (unit == NULL) {
        return BH_ERR_NOMEM;
    }
    bh_status status = fill(unit, plan, is_client);
    if (status != BH_OK) {
        bh_unit_free(unit);
        return status;
    }
    *out = unit;
    return BH_OK;
}

void bh_unit_wipe(bh_unit *unit)
{
    bh_wipe(unit->words, unit->n_words * sizeof *unit->words);
    bh_rot_supply_wipe(&unit->receive);
    bh_rot_supply_wipe(&unit->send);
}

void bh_unit_free(bh_unit *unit)
{
    if (unit == NULL) {
        return;
    }
    bh_free(unit->words);
    bh_free(unit->input);
    bh_free(unit->output);
    bh_free(unit->weights);
    bh_rot_supply_clear(&unit->receive);
    bh_rot_supply_clear(&unit->send);
    bh_free(unit);
}

uint64_t bh_unit_bytes(const bh_plan *plan, bool is_client)
{
    const bh_supplier_batch *n = &plan->script->transfers;
    uint64_t receive = bh_supplier_received(n, is_client);
    uint64_t send = bh_supplier_received(n, !is_client);
    return count_words(plan, is_client) * sizeof(uint32_t) +
           receive * (sizeof(uint32_t) + 1) + send * 2 * sizeof(uint32_t);
}

void bh_units_add(bh_units *u, bh_unit *unit)
{
    u->items[(u->first + u->count) % BH_AHEAD_MAX] = unit;
    u->count++;
}

bh_unit *bh_units_take(bh_units *u)
{
    bh_unit *unit = u->items[u->first];
    u->items[u->first] = NULL;
    u->first = (u->first + 1) % BH_AHEAD_MAX;
    u->count--;
    return unit;
}

void bh_units_clear(bh_units *u)
{
    while (u->count > 0) {
        bh_unit_free(bh_units_take(u));
    }
    bh_unit_free(u->spare);
    u->spare = NULL;
}

bh_status bh_units_room(bh_units *u, bh_unit **out, const bh_plan *plan, bool is_client)
{
    *out = u->spare;
    u->spare = NULL;
    return *out != NULL ? BH_OK : bh_unit_new(out, plan, is_client);
}

void bh_units_keep(bh_units *u, bh_unit *unit)
{
    bh_unit_free(u->spare);
    u->spare = unit;
}
