/// The source of the true information for a diagnosis, and what it costs.
struct SourceChoice {
    /// The closed form, or draws of labels.
    let source: CurvatureSource
    /// The backward passes of a batch.
    let passCount: Int

    /// Takes the closed form where its passes are few enough, otherwise draws.
    ///
    /// - Parameters:
    ///   - samples: draws, 0 for the closed form whatever it costs; nil for the choice.
    ///   - most: the most passes for which the closed form is chosen.
    ///   - draws: the draws that are chosen otherwise.
    ///   - known: what was chosen for an earlier batch.
    ///   - objective: computes the objective of the batch, if its outputs must be known.
    init(
        samples: Int?, most: Int, draws: Int, known: CurvatureSource?,
        _ objective: @autoclosure () throws -> Objective
    ) throws {
        if let samples, samples > 0 {
            (source, passCount) = (.sampled(samples), samples)
            return
        }
        if case .sampled(let count)? = known {
            (source, passCount) = (.sampled(count), count)
            return
        }
        let passes = try objective().closedFormPassCount
        if let passes, samples != nil || known != nil || passes <= most {
            (source, passCount) = (.exact, max(1, passes))
        } else if samples != nil {
            (source, passCount) = (.exact, 1)
        } else {
            (source, passCount) = (.sampled(draws), draws)
        }
    }
}

extension Objective {
    /// The backward passes of the closed form: the likelihood's factors times the positions of a unit; nil if it has none.
    fileprivate var closedFormPassCount: Int? {
        guard let likelihood = likelihood as? any ClosedFormFisher else { return nil }
        let shape = likelihood.outputs.failure == nil ? likelihood.outputs.shape : []
        return likelihood.outputFisherFactorCount * shape.dropFirst().dropLast().reduce(1, *)
    }
}
