#include "kernels/reduction.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_reduction(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
