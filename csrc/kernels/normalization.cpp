#include "kernels/normalization.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_normalization(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
