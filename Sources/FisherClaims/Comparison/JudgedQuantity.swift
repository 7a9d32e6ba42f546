import FisherStudies

/// A number for each run by which arms are compared; lower ones are better.
struct JudgedQuantity {
    /// The quantity and its unit, for readers.
    let name: String
    /// The decimals that tables show.
    let decimals: Int
    /// Whether it is the loss on held-out data, which tables show in any case.
    let isLoss: Bool
    /// The values by seed.
    let values: (TunedArm) -> [UInt64: Double]

    /// Names a quantity.
    init(
        _ name: String, decimals: Int = 3, isLoss: Bool = false,
        _ values: @escaping (TunedArm) -> [UInt64: Double]
    ) {
        self.isLoss = isLoss
        self.name = name
        self.decimals = decimals
        self.values = values
    }

    /// The loss on held-out data after the last step, in nats for each of a unit.
    static func loss(per unit: String, on problem: String = "") -> JudgedQuantity {
        JudgedQuantity(
            (problem.isEmpty ? "" : "\(problem): ") + "validation loss, nats/\(unit)", decimals: 4,
            isLoss: true
        ) { $0.losses }
    }

    /// A measure that a task takes of a finished run, by its name; one of which more is better is negated.
    static func measure(_ name: String, isBetterLarger: Bool = false, decimals: Int = 3) -> JudgedQuantity {
        JudgedQuantity(isBetterLarger ? "negative \(name)" : name, decimals: decimals) { arm in
            arm.measure(name).mapValues { isBetterLarger ? -$0 : $0 }
        }
    }

    /// The same quantity with an allowance: what is added to the values of an arm that must be better by more than that.
    func requiring(_ advantage: Double, of label: String) -> JudgedQuantity {
        JudgedQuantity("\(name), with an allowance of \(advantage) for \(label)", decimals: decimals) { arm in
            values(arm).mapValues { $0 + (arm.label == label ? advantage : 0) }
        }
    }
}

extension JudgedQuantity {
    /// The Frechet distance of held-out images' reconstructions in the features of a classifier.
    static var frechet: JudgedQuantity { measure("Frechet distance of reconstructions", decimals: 1) }
}
