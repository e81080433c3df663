#include "ops/dropout.h"

#include <algorithm>
#include <cmath>

#include "core/cpu.h"
#include "core/parallel.h"
#include "kernels/table.h"

namespace lamina {
namespace {

template <class T>
void drop(const T* x, T* y, dim_t n, const std::uint64_t* used, double rate, bool accumulate) {
  const auto& k = kernels<T>().dropout;
  const std::uint64_t key = used[0], counter = used[1];
  // A rate of 1 keeps nothing: every word is below 2^32, and the scale would be infinite.
  const double threshold = std::ceil(rate * 4294967296.0);
  const bool nothing = threshold > 4294967295.0;
  const T scale = nothing ? T(0) : T(1.0 / (1.0 - rate));
  const std::uint32_t least = nothing ? 0 : static_cast<std::uint32_t>(threshold);
  const bool stream = past_caches(n * dim_t(sizeof(T)));
  dim_t block = dim_t(used[2] / kDropoutBlock);
  const dim_t missing = dim_t(used[2] % kDropoutBlock);  // elements of the first block that are another shard's
  if (missing && n > 0 && !nothing) {
    const dim_t size = std::min(n, kDropoutBlock - missing);
    T whole[kDropoutBlock] = {}, dropped[kDropoutBlock] = {};
    std::copy_n(x, size, whole + missing);
    if (accumulate) std::copy_n(y, size, dropped + missing);
    k.dropout(whole, dropped, block, kDropoutBlock, key, counter, least, scale, accumulate, false);
    std::copy_n(dropped + missing, size, y);
    x += size, y += size, n -= size, block++;
  }
  const dim_t blocks = (n + kDropoutBlock - 1) / kDropoutBlock;
  parallel_for(blocks, kGrain / kDropoutBlock / 2, [&](dim_t begin, dim_t end) {
    const dim_t first = begin * kDropoutBlock, size = std::min(n, end * kDropoutBlock) - first;
    if (nothing) {
      if (!accumulate) std::fill(y + first, y + first + size, T(0));
      return;
    }
    k.dropout(x + first, y + first, block + begin, size, key, counter, least, scale, accumulate, stream);
  });
}

}  // namespace

template <class T>
void dropout_forward(const DropoutForward<T>& a) {
  a.used[0] = a.state[0];
  a.used[1] = a.state[1]++;
  a.used[2] = a.first ? *a.first * std::uint64_t(a.per_sample) : 0;
  drop(a.x, a.y, a.n, a.used, a.rate, false);
}

template <class T>
void dropout_backward(const DropoutBackward<T>& a) {
  if (a.dx.wanted()) drop(a.dy, a.dx.to, a.n, a.used, a.rate, a.dx.adds());
}

LAMINA_FOR_FLOATS(dropout_forward, DropoutForward);
LAMINA_FOR_FLOATS(dropout_backward, DropoutBackward);

}  // namespace lamina
