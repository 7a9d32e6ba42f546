import Testing
import Torch

/// What a tensor prints.
@Suite struct TensorTextTests {
    static var cases: [(Tensor, String)] {
        [
            (Tensor([1.5, -2] as [Float]), "Tensor([ 1.5000, -2.0000], shape: [2], dtype: float32)"),
            (
                Tensor([1, 20, 3, 4] as [Double], shape: [2, 2]),
                "Tensor([[ 1., 20.],\n        [ 3.,  4.]], shape: [2, 2], dtype: float64)"
            ),
            (Tensor([1, 0, 255] as [UInt8]), "Tensor([  1,   0, 255], shape: [3], dtype: uint8)"),
            (Tensor([true, false]), "Tensor([ true, false], shape: [2], dtype: bool)"),
            (Tensor([7] as [Int64], shape: []), "Tensor(7, shape: [], dtype: int64)"),
            (Tensor([1e-6, 1] as [Float]), "Tensor([1.0000e-06, 1.0000e+00], shape: [2], dtype: float32)"),
            (
                Tensor([.nan, -.infinity, 0.25]),
                "Tensor([   nan,   -inf, 0.2500], shape: [3], dtype: float64)"
            ),
            (Tensor([] as [Float], shape: [2, 0]), "Tensor([], shape: [2, 0], dtype: float32)"),
            (
                Tensor([1, 2, 3, 4] as [Double], shape: [2, 1, 2]),
                "Tensor([[[1., 2.]],\n\n        [[3., 4.]]], shape: [2, 1, 2], dtype: float64)"
            ),
        ]
    }

    @Test(arguments: cases.indices) func values(_ number: Int) throws {
        let (tensor, text) = Self.cases[number]
        #expect("\(tensor)" == text)
    }

    @Test func longTensorsAreAbridgedAndFailedOnesSayWhy() throws {
        let long = Tensor.indices(2000)
        #expect(
            "\(long)" == "Tensor([   0,    1,    2, ..., 1997, 1998, 1999], shape: [2000], dtype: int64)")
        let matrix = "\(Tensor.indices(1_000_000).reshaped([1000, 1000]))"
        #expect(matrix.split(separator: "\n").count == 7 && matrix.contains("...,\n"))
        #expect(matrix.hasSuffix("999998, 999999]], shape: [1000, 1000], dtype: int64)"))
        #expect("\(Tensor.ones([2]) + Tensor.ones([3]))".hasPrefix("Tensor(failed: add: "))
        let trained = try Tensor.ones([2]).requiringGradient()
        #expect("\(trained * 2)" == "Tensor([2., 2.], shape: [2], dtype: float32)")
        #expect("\(Tensor.zeros([40]))".split(separator: "\n").allSatisfy { $0.count <= 82 })
    }
}
