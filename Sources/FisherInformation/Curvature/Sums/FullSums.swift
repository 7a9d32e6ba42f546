import NeuralNet
import Torch

extension CurvatureEstimator {
    /// The whole matrix, [parameters, parameters] in the order of the model: sum over passes and units of g g^T.
    package func full(_ run: PassRun) throws -> FullInformation { try matrix(run, of: parameters) }

    /// A matrix for each set of layers that share no parameter with others.
    package func blocks(_ run: PassRun) throws -> BlockInformation {
        let order = parameters
        let own: [[NamedParameter]] =
            clusters.map { cluster in
                let members = Set(cluster.parameters.map(ObjectIdentifier.init))
                return order.filter { members.contains(ObjectIdentifier($0.parameter)) }
            } + Dictionary(grouping: generic, by: \.path.parent).sorted { $0.key < $1.key }.map(\.value)
        var sums = [(sum: Tensor, gradient: Tensor)?](repeating: nil, count: own.count)
        try run.forEach { pass in
            try withoutGradients {
                for (k, members) in own.enumerated() where !members.isEmpty {
                    try Self.add(
                        try unitGradients(pass, units: run.units, of: members), pass.weight, to: &sums[k])
                }
            }
        }
        return BlockInformation(
            blocks: zip(own, sums).compactMap { members, found in
                found.map { made(run, of: members, $0.sum, $0.gradient) }
            }.sorted { $0.paths[0] < $1.paths[0] })
    }

    private func matrix(_ run: PassRun, of members: [NamedParameter]) throws -> FullInformation {
        var sums: (sum: Tensor, gradient: Tensor)?
        try run.forEach { pass in
            try withoutGradients {
                try Self.add(try unitGradients(pass, units: run.units, of: members), pass.weight, to: &sums)
            }
        }
        guard let sums else { throw CurvatureError.noObservations }
        return made(run, of: members, sums.sum, sums.gradient)
    }

    private func made(
        _ run: PassRun, of members: [NamedParameter], _ sum: Tensor, _ gradient: Tensor
    ) -> FullInformation {
        FullInformation(
            source: run.source, paths: members.map(\.path), sum: sum,
            gradient: run.isAtLabels ? gradient : nil, observationCount: run.observationCount)
    }

    private static func add(
        _ rows: Tensor, _ weight: Double, to sums: inout (sum: Tensor, gradient: Tensor)?
    ) throws {
        let (part, gradient) = (gram(rows) * weight, rows.sum(along: 0))
        try part.check()
        sums = sums.map { ($0.sum + part, $0.gradient + gradient) } ?? (part, gradient)
    }

    /// Every unit's gradient of some parameters, [units, parameters].
    package func unitGradients(_ pass: BackwardPass, units: Int, of members: [NamedParameter]) throws
        -> Tensor
    {
        var rows = pass.generic
        let wanted = Set(members.map { ObjectIdentifier($0.parameter) })
        for cluster in clusters
        where cluster.parameters.contains(where: { wanted.contains(ObjectIdentifier($0)) }) {
            for (parameter, gradient) in zip(
                cluster.parameters, cluster.unitGradients(pass.uses, units: 0..<units))
            {
                rows[ObjectIdentifier(parameter)] = gradient
            }
        }
        let columns = members.map { named in
            rows[ObjectIdentifier(named.parameter)]?.flattened(from: 1)
                ?? Tensor.zeros(
                    [units, named.parameter.wrappedValue.count], dtype: named.parameter.wrappedValue.dtype)
        }
        let joined = Tensor.concatenated(columns, along: 1)
        try joined.check()
        return joined
    }
}
