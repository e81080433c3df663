#include "kernels/reshape.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_reshape(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
