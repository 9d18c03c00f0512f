// SPDX-License-Identifier: Apache-2.0
// A plan's encoding.
#include <string.h>

#include "base/error.h"
#include "infer/plan_steps.h"

void bh_plan_write(const bh_plan *plan, bh_writer *w)
{
    bh_writer_u8(w, (uint8_t)plan->guard);
    bh_writer_u32(w, plan->samples);
    bh_writer_text(w, bh_he_name(plan->he));
    if (plan->guard == BH_GUARD_SEALED) {
        bh_writer_u8(w, (uint8_t)plan->reveal);
        bh_writer_u8(w, (uint8_t)plan->logit_bits);
        bh_writer_u8(w, (uint8_t)plan->ahead);
        bh_writer_u8(w, (uint8_t)plan->supplier);
    }
    bh_graph_write(plan->graph, w);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        bh_writer_u8(w, (uint8_t)l->t_bits);
        bh_writer_u32(w, l->linear.packing.c_i);
        bh_writer_u32(w, l->linear.packing.c_o);
        bh_writer_u32(w, l->linear.packing.tile_height);
        bh_writer_u32(w, l->linear.packing.tile_width);
    }
}

static bh_status read_layer(const bh_plan *plan, uint32_t i, bh_reader *r,
                            bh_error *err)
{
    bh_plan_layer *l = &plan->layers[i];
    unsigned t_bits = bh_reader_u8(r);
    bh_packing packing = {.c_i = bh_reader_u32(r), .c_o = bh_reader_u32(r)};
    packing.tile_height = bh_reader_u32(r);
    packing.tile_width = bh_reader_u32(r);
    if (r->status != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest ends too early");
    }
    // Under `sealed` the script depends on it, and both sides derive the same one.
    if (t_bits < l->t_bits || t_bits > BH_T_BITS_MAX ||
        (plan->script != NULL && t_bits != l->t_bits)) {
        return bh_plan_refuse(err, BH_ERR_RANGE, i,
                              "its accumulators do not fit its modulus");
    }
    l->t_bits = t_bits;
    bh_linear_shape shape = bh_plan_shape(plan, i);
    bh_status status =
        bh_linear_init(&l->linear, &shape, &packing, bh_he_degree(plan->he));
    if (status != BH_OK) {
        return bh_plan_refuse(err, status, i, "its packing is impossible");
    }
    return bh_plan_finish_layer(plan, i, err);
}

// What `sealed` has in the manifest's head.
static bh_status read_sealed(bh_plan_options *o, bh_supplier_kind *supplier,
                             bh_reader *r, bh_error *err)
{
    o->reveal = bh_reader_u8(r);
    o->logit_bits = bh_reader_u8(r);
    o->ahead = bh_reader_u8(r);
    *supplier = bh_reader_u8(r);
    if (r->status == BH_OK &&
        (o->logit_bits == 0 || o->ahead == 0 || !bh_supplier_kind_ok(*supplier))) {
        return bh_fail(
            err, BH_ERR_PARAMS,
            "the manifest asks for transfers that this client does not know");
    }
    return BH_OK;
}

static bh_status read_head(bh_plan_options *o, bh_supplier_kind *supplier, bh_reader *r,
                           bh_error *err)
{
    char params[64];
    *o = (bh_plan_options){.guard = bh_reader_u8(r)};
    o->samples = bh_reader_u32(r);
    bh_reader_text(r, params, sizeof params);
    bh_status status = o->guard == BH_GUARD_SEALED && r->status == BH_OK
                           ? read_sealed(o, supplier, r, err)
                           : BH_OK;
    if (r->status != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest ends too early");
    }
    if (status == BH_OK && bh_guard_name(o->guard) != NULL &&
        strcmp(params, bh_guard_params(o->guard)) != 0) {
        return bh_fail(err, BH_ERR_PARAMS, "guard '%s' with parameter set '%s'",
                       bh_guard_name(o->guard), params);
    }
    return status;
}

bh_status bh_plan_read(bh_plan **out, bh_reader *r, bh_error *err)
{
    bh_plan_options options;
    bh_supplier_kind supplier = BH_SUPPLIER_SOFTSPOKEN;
    *out = NULL;
    bh_status status = read_head(&options, &supplier, r, err);
    if (status != BH_OK) {
        return status;
    }
    bh_plan *plan = bh_plan_start(&status, &options, err);
    if (plan == NULL) {
        return status;
    }
    plan->supplier = supplier;
    status = bh_graph_read(plan->graph, r, err);
    if (status == BH_OK) {
        status = bh_plan_start_layers(plan, err);
    }
    for (uint32_t i = 0; status == BH_OK && i < plan->n_layers; i++) {
        status = read_layer(plan, i, r, err);
    }
    if (status == BH_OK) {
        status = bh_plan_check_units(plan, err);
    }
    if (status != BH_OK) {
        bh_plan_free(plan);
        return status;
    }
    *out = plan;
    return BH_OK;
}
