// SPDX-License-Identifier: Apache-2.0
// The tool must report what ct_he must not do: here a secret decides on a branch or on
// an address, so that a report has to appear.
//
//   ct_control branch | index | mask  portable | avx2 | avx512
//
// The secret is the transform of a key by the kernels of that level; at avx512 it is
// looked at in vector registers, and `mask` looks at a mask register.
#include <string.h>

#include "control.h"
#include "he/internal.h"
#include "tool.h"

static __attribute__((noinline)) void control_branch(const uint64_t *secret)
{
    if (secret[5] & 1) {
        printf("odd\n");
    }
}

static __attribute__((noinline)) void control_index(const uint64_t *secret)
{
    static const volatile char table[64] = "a table";
    (void)table[secret[5] & 63];
}

int main(int argc, char **argv)
{
    bh_he *he;
    bh_secret_key *sk;
    const bh_uniform uniform = {.upload = {1}};
    tool_check(argc == 3, "usage: ct_control CASE LEVEL");
    tool_begin(argv[2]);
    tool_check(bh_he_new(&he, "n4096", NULL) == BH_OK, "set");
    tool_check(bh_secret_key_new(&sk, he, &uniform) == BH_OK, "key");
    int vectors = strcmp(bh_he_kernels(he), "avx512") == 0;
    if (strcmp(argv[1], "branch") == 0) {
        (vectors ? control_branch_avx512 : control_branch)(sk->s_hat);
    } else if (strcmp(argv[1], "index") == 0) {
        (vectors ? control_index_avx512 : control_index)(sk->s_hat);
    } else if (strcmp(argv[1], "mask") == 0 && vectors) {
        control_mask_avx512(sk->s_hat);
    }
    bh_secret_key_free(sk);
    bh_he_free(he);
    return 0;
}
