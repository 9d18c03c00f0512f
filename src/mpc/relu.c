// SPDX-License-Identifier: Apache-2.0
// With alpha = d_X mod 2^(l-1), beta = 2^(l-1) - 1 - (d_Y mod 2^(l-1)), the sum of the
// low bits carries if alpha > beta, and d is negative if that, msb(d_X) and msb(d_Y)
// add up to an odd number. Digits of the two (mpc/digit.h), at least five so that the
// tree (mpc/compare.h) always has its three levels.
//
// The result is d times b = [d >= 0], a product of shares (mpc/mux.h). The last AND's
// openings (d, f) are known to X a flight before they are to Y, whose bit of b is
//
//   b_Y(d, f) = msb(d_Y) ^ greater_hi ^ d b ^ f a ^ c,
//
// one of four that it knows; it has a transfer with a choice of its own for each and
// corrects all four. X uses the one that (d, f) selects.
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "mpc/relu_steps.h"

static unsigned digits_of(unsigned bits)
{
    unsigned digits = (bits - 1 + 3) / 4;
    return digits < BH_COMPARE_DIGITS_MIN ? BH_COMPARE_DIGITS_MIN : digits;
}

bh_relu_needs bh_relu_count(size_t count, unsigned bits)
{
    const unsigned m = digits_of(bits), nodes = bh_compare_nodes(m);
    return (bh_relu_needs){.x_receives = count * (BH_DIGIT_TRANSFERS * m + nodes + 1),
                           .y_receives = count * (nodes + BH_RELU_CASES)};
}

size_t bh_relu_message_bytes(size_t count, unsigned bits, unsigned step)
{
    const unsigned m = digits_of(bits);
    const size_t plane = bh_plane_bytes(count);
    switch (step) {
    case 0:
        return m * bh_digit_choice_bytes(count);
    case 1:
        return bh_digit_table_bytes(count, 0) +
               (m - 1) * bh_digit_table_bytes(count, 1) +
               bh_compare_openings(m, 0) * plane;
    case 2:
        return (bh_compare_openings(m, 0) + bh_compare_openings(m, 1)) * plane;
    case 3:
        return (bh_compare_openings(m, 1) + bh_compare_openings(m, 2) + BH_RELU_CASES) *
               plane;
    case 4:
        return (bh_compare_openings(m, 2) + 1) * plane + bh_bits_bytes(count, bits);
    default:
        return bh_bits_bytes(count, bits);
    }
}

// ---- making ----

static bh_status allocate(bh_relu *r)
{
    const size_t words = bh_plane_words(r->count);
    bh_status status = bh_compare_init(&r->compare, r->is_x, r->digits, r->count);
    if (status != BH_OK) {
        return status;
    }
    uint64_t **all[] = {&r->sign,      &r->b,        &r->select[0],
                        &r->select[1], &r->swap,     &r->cases[0],
                        &r->cases[1],  &r->cases[2], &r->cases[3]};
    const size_t n_planes = sizeof all / sizeof all[0];
    r->planes = bh_alloc(n_planes * words, sizeof *r->planes);
    r->choices = bh_alloc(r->digits, bh_digit_choice_bytes(r->count));
    r->product = bh_alloc(bh_bits_bytes(r->count, r->bits), 1);
    r->result = bh_alloc(r->count, sizeof *r->result);
    if (r->planes == NULL || r->choices == NULL || r->product == NULL ||
        r->result == NULL) {
        return BH_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_planes; i++) {
        *all[i] = r->planes + i * words;
    }
    return BH_OK;
}

// X receives those of the digits, the tree and the product, Y of the tree and of four
// products, each a row of `count` behind the other.
static void take(bh_relu *r, bh_rot_supply *receive, bh_rot_supply *send)
{
    const bh_relu_needs needs = bh_relu_count(r->count, r->bits);
    const size_t n_in = r->is_x ? needs.x_receives : needs.y_receives;
    const size_t n_out = r->is_x ? needs.y_receives : needs.x_receives;
    const size_t digits = r->count * BH_DIGIT_TRANSFERS * r->digits;
    const size_t nodes = r->count * bh_compare_nodes(r->digits);
    const size_t at_in = r->is_x ? digits : 0, at_out = r->is_x ? 0 : digits;
    r->received = bh_rot_take_received(receive, n_in);
    r->sent = bh_rot_take_sent(send, n_out);
    r->product_in = bh_received_from(r->received, at_in + nodes);
    r->product_out = bh_sent_from(r->sent, at_out + nodes);
    bh_compare_prepare(&r->compare, bh_received_from(r->received, at_in),
                       bh_sent_from(r->sent, at_out));
}

static void take_signs(bh_relu *r)
{
    uint8_t bytes[BH_PLANE_BITS] = {0};
    for (size_t at = 0; at < r->count; at += BH_PLANE_BITS) {
        const size_t n = bh_plane_len(r->count, at);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)((r->d[at + i] >> (r->bits - 1)) & 1);
        }
        r->sign[at / BH_PLANE_BITS] = bh_gather(bytes, 0);
    }
    bh_wipe(bytes, sizeof bytes);
}

bh_status bh_relu_new(bh_relu **out, bool is_x, size_t count, unsigned bits,
                      const uint32_t *d, bh_rot_supply *receive, bh_rot_supply *send)
{
    *out = NULL;
    if (bits < BH_RELU_BITS_MIN || bits > BH_RELU_BITS_MAX) {
        return BH_ERR_ARG;
    }
    if (count > SIZE_MAX / 1024) { // no size below overflows
        return BH_ERR_NOMEM;
    }
    bh_relu *r = bh_alloc(1, sizeof *r);
    if (r == NULL) {
        return BH_ERR_NOMEM;
    }
    r->is_x = is_x;
    r->count = count;
    r->bits = bits;
    r->digits = digits_of(bits);
    r->d = d;
    bh_status status = allocate(r);
    if (status != BH_OK) {
        bh_relu_free(r);
        return status;
    }
    take(r, receive, send);
    take_signs(r);
    *out = r;
    return BH_OK;
}

void bh_relu_free(bh_relu *r)
{
    if (r == NULL) {
        return;
    }
    bh_compare_clear(&r->compare);
    bh_free(r->planes);
    bh_free(r->choices);
    bh_free(r->product);
    bh_free(r->result);
    bh_free(r);
}

// ---- steps ----

void bh_relu_finish_sign(bh_relu *r)
{
    bh_compare *t = &r->compare;
    for (size_t i = 0; i < t->words; i++) {
        r->select[0][i] = t->mine[0][i] ^ t->theirs[0][i];
        r->select[1][i] = t->mine[1][i] ^ t->theirs[1][i];
    }
    bh_compare_combine(t);
    for (size_t i = 0; i < t->words; i++) {
        r->b[i] = r->sign[i] ^ t->g[0][i] ^ t->one; // the 1 of 1 ^ msb(d) is X's
    }
}

void bh_relu_reduce(bh_relu *r)
{
    for (size_t i = 0; i < r->count; i++) {
        r->result[i] &= bh_bits_mask(r->bits);
    }
}

void bh_relu_write(bh_relu *r, unsigned step, uint8_t *message)
{
    const size_t bytes = bh_relu_message_bytes(r->count, r->bits, step);
    switch (step) {
    case 0:
        bh_relu_x_write_choices(r, message);
        break;
    case 1:
        bh_relu_y_write_tables(r, message);
        break;
    case 2:
        bh_relu_x_write_levels(r, message);
        break;
    case 3:
        bh_relu_y_write_cases(r, message);
        break;
    case 4:
        bh_relu_x_write_product(r, message);
        break;
    default:
        memcpy(message, r->product, bytes);
        break;
    }
    // Public: every field of a message is masked by random bits of its own that the
    // peer does not have, or only where what it unmasks is its share.
    BH_DECLASSIFY(message, bytes);
}

void bh_relu_read(bh_relu *r, unsigned step, const uint8_t *message)
{
    switch (step) {
    case 0:
        memcpy(r->choices, message, bh_relu_message_bytes(r->count, r->bits, 0));
        break;
    case 1:
        bh_relu_x_read_tables(r, message);
        break;
    case 2:
        bh_relu_y_read_levels(r, message);
        break;
    case 3:
        bh_relu_x_read_cases(r, message);
        break;
    case 4:
        bh_relu_y_read_product(r, message);
        break;
    default:
        bh_relu_x_read_product(r, message);
        break;
    }
}

const uint32_t *bh_relu_result(const bh_relu *r)
{
    return r->result;
}
