// SPDX-License-Identifier: Apache-2.0
#include "mpc/softspoken.h"

#include "mpc/planes.h"

// The first tree's sum is the choices: nothing is sent for it.
size_t bh_softspoken_message_bytes(unsigned k, size_t n)
{
    return (BH_KAPPA / k - 1) * bh_plane_bytes(n);
}
