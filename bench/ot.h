// SPDX-License-Identifier: Apache-2.0
// The parts of `bayhenn-bench ot`: what is measured of each way to make transfers.
#ifndef BH_BENCH_OT_H
#define BH_BENCH_OT_H

#include "bench.h"
#include "measure.h"
#include "mpc/ferret.h"

// Both parties of one direction, a batch at one after the other. A session begins with
// base transfers and trees (SoftSpoken), or spends transfers made before (Ferret).
typedef struct ot_figures {
    size_t n;     // transfers of a batch
    double bytes; // that travel for a transfer
    measured receive, send;
    measured base, trees; // of SoftSpoken
    size_t spent;         // of Ferret
} ot_figures;

enum { OT_REPEATS = 51 };

// Whether all transfers fit: the receiver has the pads that it chose.
bool ot_fit(const bh_rot_supply *sent, const bh_rot_supply *received);

// False if the transfers of the parties do not fit together.
bool ot_measure_softspoken(ot_figures *f, unsigned k, const bench_options *o);
bool ot_measure_ferret(ot_figures *f, const bh_ferret_params *set,
                       const bench_options *o);

#endif
