import NeuralNet
import Torch

// The steps (F + damping 1)^-1 g that estimates propose, to compare with `InformationComparison`.

extension DiagonalInformation {
    /// g / (f + damping), by parameter.
    public func step(
        for gradient: [ParameterPath: Tensor], damping: Double
    ) throws -> [ParameterPath: Tensor] {
        let information = mean
        var found: [ParameterPath: Tensor] = [:]
        for (path, g) in gradient {
            guard let f = information[path], f.shape == g.shape else {
                throw CurvatureError.mismatched(reason: "the information lacks \(path)")
            }
            found[path] = g.detached() / (f + damping)
        }
        return found
    }
}

extension FullInformation {
    /// (F + damping 1)^-1 g; throws if that is not positive definite.
    public func step(
        for gradient: [ParameterPath: Tensor], damping: Double
    ) throws -> [ParameterPath: Tensor] {
        let parts = try sums.paths.map { path throws -> Tensor in
            guard let g = gradient[path] else {
                throw CurvatureError.mismatched(reason: "there is no gradient of \(path)")
            }
            return g.detached()
        }
        let layout = ParameterLayout(of: parts)
        let matrix = mean + Tensor.identity(layout.count, dtype: sums.sum.dtype) * damping
        let solution = try SafeCholesky.solution(matrix, layout.joined(parts))
        return Dictionary(uniqueKeysWithValues: zip(sums.paths, layout.split(solution)))
    }
}

extension KroneckerInformation {
    /// (A (x) S + damping 1)^-1 g of every layer with factors, damped exactly in the eigenbases of A and S, for
    /// its `weight` and `bias`; other parameters have no step here.
    public func step(
        for gradient: [ParameterPath: Tensor], damping: Double
    ) throws -> [ParameterPath: Tensor] {
        var found: [ParameterPath: Tensor] = [:]
        for (path, factors) in sums.layers {
            let (weightPath, biasPath) = (path.appending("weight"), path.appending("bias"))
            guard let weight = gradient[weightPath]?.detached() else {
                throw CurvatureError.mismatched(reason: "there is no gradient of \(weightPath)")
            }
            let bias = gradient[biasPath]?.detached()
            let flat = weight.flattened(from: 1)
            let matrix = bias.map { Tensor.concatenated([flat, $0.unsqueezed(1)], along: 1) } ?? flat
            guard matrix.shape == [factors.outputs.shape[0], factors.inputs.shape[0]] else {
                throw CurvatureError.mismatched(reason: "the factors of \(path) have other shapes")
            }
            let (a, s) = (try SafeEigen(factors.a), try SafeEigen(factors.s))
            let step = KroneckerEigenbasis(inputs: a.vectors, outputs: s.vectors)
                .solving(matrix, eigenvalues: s.values.unsqueezed(1) * a.values, damping: damping)
            try step.check()
            let width = flat.shape[1]
            found[weightPath] = step.narrowed(1, from: 0, length: width).reshaped(weight.shape)
            if bias != nil { found[biasPath] = step.narrowed(1, from: width, length: 1).flattened() }
        }
        return found
    }
}
