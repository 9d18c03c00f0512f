// SPDX-License-Identifier: Apache-2.0
// The tree that makes shares of one comparison out of those of its digits
// (mpc/digit.h), its leaves:
//
//   greater = greater_hi ^ equal_hi & greater_lo        equal = equal_hi & equal_lo
//
// for neighbouring pairs, level by level from the lowest digit; one that is left over
// at the top goes up as it is. Everything is planes (mpc/planes.h). A node that holds
// the lowest digit has no `equal`, since nothing below asks for it.
//
// A node is a bit triple, (a, b, b', c = ab, c' = ab') shared by exclusive or, and the
// openings d = equal_hi ^ a, f = greater_lo ^ b, f' = equal_lo ^ b'. The triple comes
// from one random transfer in each direction, without communication: a is the
// receiver's choice, b and b' the difference of the sender's pads' lowest bits, and the
// pads themselves share the products.
//
// Other bits of the pads that Y sends for the tree are as random to X: Y takes its
// shares of the digits from them.
// CT: leaks counts and numbers of digits; no bit of a plane that is not sent.
#ifndef BH_MPC_COMPARE_H
#define BH_MPC_COMPARE_H

#include <stdbool.h>

#include "mpc/planes.h"
#include "mpc/rot.h"

#define BH_COMPARE_LEVELS     3
#define BH_COMPARE_DIGITS_MIN 5
#define BH_COMPARE_DIGITS_MAX 8
#define BH_COMPARE_NODES_MAX  (BH_COMPARE_DIGITS_MAX - 1)
#define BH_COMPARE_OPEN_MAX   18

typedef struct bh_triple {
    uint64_t *a, *b[2], *c[2];
} bh_triple;

typedef struct bh_compare {
    size_t count, words;
    unsigned digits;
    unsigned width, level, done; // what is left to combine, levels and nodes combined
    uint64_t one;                // all ones at X, who adds the public product
    uint64_t *planes;            // owned; all that follow
    uint64_t *g[BH_COMPARE_DIGITS_MAX], *e[BH_COMPARE_DIGITS_MAX];
    bh_triple triples[BH_COMPARE_NODES_MAX];
    uint64_t *mine[BH_COMPARE_OPEN_MAX], *theirs[BH_COMPARE_OPEN_MAX]; // of one level
} bh_compare;

// Transfers of each direction that a comparison takes for a value.
static inline unsigned bh_compare_nodes(unsigned digits)
{
    return digits - 1;
}

// Planes that each party opens at a level, 0 .. BH_COMPARE_LEVELS - 1.
unsigned bh_compare_openings(unsigned digits, unsigned level);

// {0} is cleared. BH_ERR_NOMEM; clear it then.
bh_status bh_compare_init(bh_compare *t, bool is_x, unsigned digits,
                          size_t count) BH_MUST_CHECK;
void bh_compare_clear(bh_compare *t); // wipes

// Makes the triples of bh_compare_nodes * count transfers in each direction, and at Y g
// and e of the digits; X fills those in.
void bh_compare_prepare(bh_compare *t, bh_rot_received received, bh_rot_sent sent);

// A level: computes the openings in `mine`; sends them; takes the peer's; combines. The
// messages have bh_compare_openings planes. After the last, g[0] is the result.
void bh_compare_open(bh_compare *t);
void bh_compare_store(const bh_compare *t, uint8_t *out);
void bh_compare_load(bh_compare *t, const uint8_t *in);
void bh_compare_combine(bh_compare *t);

// The last level: its triple, whose openings are d and f.
const bh_triple *bh_compare_last(const bh_compare *t);

#endif
