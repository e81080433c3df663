#include "kernels/attention.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_attention(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
