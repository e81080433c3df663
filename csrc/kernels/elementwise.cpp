#include "kernels/elementwise.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_elementwise(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
