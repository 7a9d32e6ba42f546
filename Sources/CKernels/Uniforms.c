// Random numbers by their place: any of them is made without those before.
#include "CKernels.h"

/// The odd number next to 2^64 over the golden ratio.
static const uint64_t increment = 0x9e3779b97f4a7c15u;

/// The output function of splitmix64 (Steele, Lea and Flood 2014), in which every bit depends on every other.
static uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t ck_stream(uint64_t key, uint64_t draw, uint64_t unit) {
    return mixed(mixed(key + (draw + 1) * increment) + (unit + 1) * increment);
}

void ck_uniforms(uint64_t stream, uint64_t first, int64_t count, double *out) {
    for (int64_t i = 0; i < count; ++i) {
        uint64_t bits = mixed(stream + (first + (uint64_t)i + 1) * increment) >> 12;
        // The middle of one of 2^52 intervals: neither 0 nor, by rounding, 1.
        out[i] = ((double)bits + 0.5) * 0x1p-52;
    }
}
