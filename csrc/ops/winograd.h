// Convolutions of 3 x 3 taps with a quarter of the multiplications, of 5 x 5 with 36 %: products of 36 small planes for
// each tile of 4 x 4 or 2 x 2 results.
#pragma once
#include "ops/convolution.h"
#include "ops/correlation.h"

namespace lamina {

// Whether tiles are the faster way: floats, 3 x 3 or 5 x 5 taps of one plane that stand and move one pixel apart,
// channels enough.
// Follows from the shape alone. LAMINA_WINOGRAD=0 in the environment says never.
template <class T>
bool winograd_pays(const Correlation<T>& c);
template <class T>
bool winograd_pays(const Window& v, dim_t K, dim_t groups);  // for the weight gradient

// As correlate() and convolution_weight_gradient(), from arrays as they are: neither x.y nor dz.y, no db.
template <class T>
void winograd_correlate(const Correlation<T>& c);
template <class T>
void winograd_weight_gradient(const WeightGradient<T>& a);

}  // namespace lamina
