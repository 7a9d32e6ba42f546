import FisherInformation
import NeuralNet

extension Muon {
    /// The two groups in which Muon is meant to be used: hidden matrices by this rule, everything else by
    /// another.
    ///
    /// Hidden matrices are the parameters of rank two and more except those of an `Embedding` (a tied head
    /// among them), those whose path matches `pattern`, and the last matrix of a `Sequential`, its head.
    /// A model without hidden matrices, or with nothing else, has one group.
    ///
    /// - Parameters:
    ///   - model: the model whose parameters are divided.
    ///   - hidden: the rule of the hidden matrices.
    ///   - rest: the rule of embeddings, heads, vectors and scalars; learning rates of the two are on different
    ///     scales unless `hidden.scale` is `.matchRMS`.
    ///   - pattern: a regular expression for the paths of further embeddings and heads.
    /// - Returns: groups named "hidden matrices" and "rest", as `describe()` prints them.
    public static func groups(
        for model: any Module, hidden: Muon, rest: any OptimizationRule,
        besides pattern: String = "(?i)embedding|head|classifier"
    ) throws(OptimizerError) -> [ParameterGroup] {
        let expression: Regex<AnyRegexOutput>
        do { expression = try Regex(pattern) } catch { throw OptimizerError.badPattern(pattern) }
        let trainable = model.parameters.filter(\.parameter.isTrainable)
        let matrices = trainable.filter { $0.parameter.wrappedValue.rank >= 2 }
        var outer = Set(
            model.modules.filter { $0.module is Embedding }.flatMap { place in
                place.module.parameters.map { ObjectIdentifier($0.parameter) }
            })
        if model is Sequential, let last = matrices.last { outer.insert(ObjectIdentifier(last.parameter)) }
        let paths = matrices.filter { named in
            !outer.contains(ObjectIdentifier(named.parameter)) && !"\(named.path)".contains(expression)
        }.map(\.path)
        if paths.isEmpty { return [ParameterGroup(.rest, rest)] }
        let group = ParameterGroup(.listed(paths, as: "hidden matrices"), hidden)
        return paths.count == trainable.count ? [group] : [group, ParameterGroup(.rest, rest)]
    }

    /// Hidden matrices by this rule, everything else by its fallback at the same learning rate.
    public func groups(for model: any Module) -> [ParameterGroup] {
        // The pattern is our own and is a regular expression.
        (try? Muon.groups(for: model, hidden: self, rest: fallbackRule)) ?? [ParameterGroup(.rest, self)]
    }
}
