#include "kernels/optimizer.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_optimizer(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
