// SPDX-License-Identifier: Apache-2.0
#include "mpc/relu_steps.h"

void bh_relu_x_write_choices(bh_relu *r, uint8_t *out)
{
    for (unsigned q = 0; q < r->digits; q++) {
        bh_digit d = bh_relu_digit(r, q);
        bh_digit_choose(&d, out, bh_received_from(r->received, bh_relu_digit_at(r, q)));
        out += bh_digit_choice_bytes(r->count);
    }
}

void bh_relu_x_read_tables(bh_relu *r, const uint8_t *in)
{
    for (unsigned q = 0; q < r->digits; q++) {
        bh_digit d = bh_relu_digit(r, q);
        bh_digit_finish(&d, r->compare.g[q], r->compare.e[q], in,
                        bh_received_from(r->received, bh_relu_digit_at(r, q)));
        in += bh_digit_table_bytes(r->count, q);
    }
    bh_compare_load(&r->compare, in);
}

void bh_relu_x_write_levels(bh_relu *r, uint8_t *out)
{
    bh_compare_open(&r->compare);
    bh_compare_store(&r->compare, out);
    out += bh_relu_open_bytes(r);
    bh_compare_combine(&r->compare);
    bh_compare_open(&r->compare);
    bh_compare_store(&r->compare, out);
}

void bh_relu_x_read_cases(bh_relu *r, const uint8_t *in)
{
    bh_compare_load(&r->compare, in);
    in += bh_relu_open_bytes(r);
    bh_compare_combine(&r->compare);
    bh_compare_open(&r->compare);
    bh_compare_load(&r->compare, in);
    in += bh_relu_open_bytes(r);
    for (unsigned k = 0; k < BH_RELU_CASES; k++) {
        bh_plane_load(r->cases[k], in + k * bh_plane_bytes(r->count), r->count);
    }
}

void bh_relu_x_write_product(bh_relu *r, uint8_t *out)
{
    bh_compare_store(&r->compare, out);
    out += bh_relu_open_bytes(r);
    bh_relu_finish_sign(r);
    for (size_t i = 0; i < r->compare.words; i++) {
        const uint64_t d = r->select[0][i], f = r->select[1][i];
        uint64_t low = r->cases[0][i] ^ (f & (r->cases[0][i] ^ r->cases[1][i]));
        uint64_t high = r->cases[2][i] ^ (f & (r->cases[2][i] ^ r->cases[3][i]));
        r->swap[i] = low ^ (d & (low ^ high));
    }
    const bh_mux m = bh_relu_mux(r, true);
    bh_mux_send(&m, out, r->result, r->d, r->b, r->swap, r->product_out);
    out += bh_bits_bytes(r->count, r->bits);
    bh_plane_gather(r->swap, r->product_in.c, r->count);
    for (size_t i = 0; i < r->compare.words; i++) {
        r->swap[i] ^= r->b[i];
    }
    bh_plane_store(out, r->swap, r->count);
}

void bh_relu_x_read_product(bh_relu *r, const uint8_t *in)
{
    const bh_mux m = bh_relu_mux(r, false);
    bh_mux_receive(&m, r->result, in, r->b, r->product_in.m);
    bh_relu_reduce(r);
}
