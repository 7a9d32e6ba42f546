import Foundation

/// Why a likelihood has no maximum that could be found.
package struct FitError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable { case separated, notConverged, notFinite }
    package let kind: Kind
    package let description: String
}

/// A maximum of the likelihood, on a subspace of the parameters.
package struct Maximum: Sendable {
    package let point: [Double]
    package let evaluation: Evaluation
    package let iterations: Int
    /// s^T I^-1 s before the last step: the squared length of that step in standard errors.
    package let decrement: Double

    package init(point: [Double], evaluation: Evaluation, iterations: Int, decrement: Double) {
        (self.point, self.evaluation) = (point, evaluation)
        (self.iterations, self.decrement) = (iterations, decrement)
    }
}

/// Fisher scoring with halved steps, and Newton's steps near the maximum.
package struct Maximizer: Sendable {
    package var iterationLimit = 100
    /// Steps end where they are shorter than the root of this, in standard errors; one more has been made by then.
    package var tolerance = 1e-14

    package init() {}

    /// Maximizes the likelihood.
    ///
    /// Throws `FitError` where it grows without bound along a direction (separation), where it is not finite at the start,
    /// and where the steps do not end.
    package func maximum(of model: some LikelihoodModel, within space: Subspace) throws -> Maximum {
        var point = space.origin
        var found = try model.evaluation(at: point)
        guard found.logLikelihood.isFinite, found.score.allSatisfy(\.isFinite) else {
            throw FitError(
                kind: .notFinite,
                description:
                    "the log-likelihood is not finite where the fit begins; look for values of extreme size, or take another link"
            )
        }
        var (previous, iterations) = (Double.infinity, 0)
        let determined = try InformationInverse(of: space.restricted(found.expected))
        while true {
            let step = try self.step(found, space, isNear: previous < 0.1)
            let decrement = dot(found.score, step)
            let change = model.predictorChange(along: step) ?? 0
            if decrement <= 1e-10, change > 0.03 { throw Self.separation(model, along: step) }
            var (scale, next) = (1.0, point)
            var value = -Double.infinity
            let slack = 1e-10 * (1 + abs(found.logLikelihood))
            for _ in 0..<40 {
                next = sum(point, step, times: scale)
                value = try model.logLikelihood(at: next)
                if value >= found.logLikelihood - slack { break }
                scale /= 2
            }
            guard value >= found.logLikelihood - slack else {
                throw FitError(
                    kind: .notConverged,
                    description:
                        "the fit came to a point where no step raises the log-likelihood, \(iterations) iterations after its start"
                )
            }
            point = next
            found = try model.evaluation(at: point)
            iterations += 1
            if decrement <= tolerance, scale == 1 {
                // Where information was lost on the way, the likelihood is flat only at infinity.
                let last = try InformationInverse(of: space.restricted(found.expected))
                if last.rank < determined.rank,
                    let lost = last.nullDirections.first(where: { !Self.spans(determined.nullDirections, $0) }
                    )
                {
                    throw Self.separation(model, along: space.extended(lost))
                }
                return Maximum(
                    point: point, evaluation: found, iterations: iterations, decrement: max(0, decrement))
            }
            guard iterations < iterationLimit else {
                throw FitError(
                    kind: .notConverged,
                    description:
                        "the fit did not converge in \(iterationLimit) iterations: the last step was \(String(format: "%.2g", max(0, decrement).squareRoot())) standard errors long"
                )
            }
            previous = decrement
        }
    }

    /// The step I^-1 s; of the observed information where that is positive definite and the maximum is near.
    private func step(_ found: Evaluation, _ space: Subspace, isNear: Bool) throws -> [Double] {
        let score = space.restricted(found.score)
        if score.isEmpty { return space.origin.map { _ in 0 } }
        if isNear, let newton = space.restricted(found.observed).scaledCholesky(tolerance: 1e-8) {
            return space.extended(newton.solution(score))
        }
        let expected = space.restricted(found.expected)
        if let scoring = expected.scaledCholesky(tolerance: 1e-8) {
            return space.extended(scoring.solution(score))
        }
        return space.extended(try InformationInverse(of: expected).inverse * score)
    }

    /// Whether a direction is a combination of rows, by what is left of it beside an orthonormal basis of theirs.
    private static func spans(_ rows: [[Double]], _ direction: [Double]) -> Bool {
        func rest(_ vector: [Double], _ basis: [[Double]]) -> [Double] {
            basis.reduce(vector) { sum($0, $1, times: -dot($0, $1)) }
        }
        func size(_ vector: [Double]) -> Double { dot(vector, vector).squareRoot() }
        var basis: [[Double]] = []
        for row in rows {
            let part = rest(row, basis)
            if size(part) > 1e-9 * size(row) { basis.append(part.map { $0 / size(part) }) }
        }
        return size(rest(direction, basis)) < 1e-6 * size(direction)
    }

    private static func separation(_ model: some LikelihoodModel, along direction: [Double]) -> FitError {
        let text = LinearCombination(direction, names: model.parameterNames).description
        return FitError(
            kind: .separated,
            description:
                "the maximum likelihood estimate does not exist: the likelihood grows without bound along \(text) (separation: in that direction the predictors determine the response of some rows); leave a term out or merge levels"
        )
    }
}
