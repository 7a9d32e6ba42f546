import Fisher

/// A plain network with weights and data, from files.
struct PlainNetworkFiles {
    let plain: PlainNetwork
    private let data: SupervisedBatch

    /// Reads and checks the files.
    init(model: String, weights: String, inputs: String, targets: String) throws {
        plain = try PlainNetwork(model: model, weights: weights)
        data = try plain.batch(
            inputs: PlainNetwork.tensor("inputs", from: inputs),
            targets: PlainNetwork.tensor("targets", from: targets))
        let targetCount = data.targets.shape.first ?? 0
        guard targetCount == data.unitCount else {
            throw CurvatureError.badObservations(
                reason: "there are \(targetCount) targets for \(data.unitCount) inputs")
        }
    }

    /// The samples in at most so many parts of nearly one size.
    func batches(_ wanted: Int) -> [SupervisedBatch] {
        let (samples, count) = (data.unitCount, max(1, min(wanted, data.unitCount)))
        return (0..<count).map { data.slice($0 * samples / count..<($0 + 1) * samples / count) }
    }
}
