// SPDX-License-Identifier: Apache-2.0
#include "mpc/relu_steps.h"

void bh_relu_y_write_tables(bh_relu *r, uint8_t *out)
{
    for (unsigned q = 0; q < r->digits; q++) {
        bh_digit d = bh_relu_digit(r, q);
        bh_digit_answer(&d, out, r->choices + q * bh_digit_choice_bytes(r->count),
                        r->compare.g[q], r->compare.e[q],
                        bh_sent_from(r->sent, bh_relu_digit_at(r, q)));
        out += bh_digit_table_bytes(r->count, q);
    }
    bh_compare_open(&r->compare);
    bh_compare_store(&r->compare, out);
}

void bh_relu_y_read_levels(bh_relu *r, const uint8_t *in)
{
    bh_compare_load(&r->compare, in);
    in += bh_relu_open_bytes(r);
    bh_compare_combine(&r->compare);
    bh_compare_open(&r->compare);
    bh_compare_load(&r->compare, in);
}

void bh_relu_y_write_cases(bh_relu *r, uint8_t *out)
{
    bh_compare *t = &r->compare;
    bh_compare_store(t, out);
    out += bh_relu_open_bytes(r);
    bh_compare_combine(t);
    bh_compare_open(t);
    bh_compare_store(t, out);
    out += bh_relu_open_bytes(r);
    const bh_triple *last = bh_compare_last(t);
    for (unsigned k = 0; k < BH_RELU_CASES; k++) {
        const uint64_t d = k / 2 == 0 ? 0 : UINT64_MAX, f = k % 2 == 0 ? 0 : UINT64_MAX;
        uint64_t *plane = r->cases[k];
        bh_plane_gather(plane, r->product_in.c + k * r->count, r->count);
        for (size_t i = 0; i < t->words; i++) {
            plane[i] ^= r->sign[i] ^ t->g[1][i] ^ (d & last->b[0][i]) ^
                        (f & last->a[i]) ^ last->c[0][i];
        }
        bh_plane_store(out + k * bh_plane_bytes(r->count), plane, r->count);
    }
}

// Both products, so that Y has its share: what step 5 sends is ready here.
void bh_relu_y_read_product(bh_relu *r, const uint8_t *in)
{
    bh_compare_load(&r->compare, in);
    in += bh_relu_open_bytes(r);
    bh_relu_finish_sign(r);
    const uint8_t *swap = in + bh_bits_bytes(r->count, r->bits);
    bh_plane_load(r->swap, swap, r->count);
    bh_mux m = bh_relu_mux(r, false);
    bh_mux_send(&m, r->product, r->result, r->d, r->b, r->swap, r->product_out);
    m = bh_relu_mux(r, true);
    bh_mux_receive(&m, r->result, in, r->b, r->product_in.m);
    bh_relu_reduce(r);
}
