namespace FineTuneTool.Engine.Stages;

/// <summary>Which method fits a model, a machine and a data set, and when fine-tuning is not the thing to do.</summary>
/// <param name="Method">The recommended one; null where none fits.</param>
/// <param name="Reasons">Sentences, the most important first.</param>
public sealed record MethodAdvice(string? Method, IReadOnlyList<string> Reasons)
{
    /// <summary>Fewer rows seldom teach more than a good prompt with some examples does.</summary>
    private const int FewRows = 100;

    /// <summary>So many rows can fill all weights of a model with something new.</summary>
    private const int ManyRows = 10_000;

    /// <param name="rows">Training rows; null where no data are known.</param>
    /// <param name="hasEvaluationData">Whether something is held back to measure with.</param>
    public static MethodAdvice For(IReadOnlyList<MethodEstimate> methods, long? rows, bool hasEvaluationData)
    {
        var reasons = new List<string>();
        if (rows < FewRows)
        {
            reasons.Add($"{rows} training rows are fewer than {FewRows}: try a prompt with some of them as examples first, and collect more before you train.");
        }

        if (rows is not null && !hasEvaluationData)
        {
            reasons.Add("There is no evaluation data, so nothing would show whether training helps: add EvaluationData or raise ValidationSplitRatio.");
        }

        bool Fits(string method) => methods.Any(estimate => estimate.Method == method && estimate.Fits);
        bool only = methods is [{ Method: "full" }];
        string? recommended = (only || rows >= ManyRows) && Fits("full") ? "full" : Fits("lora") ? "lora" : Fits("qlora") ? "qlora" : null;
        reasons.Add(recommended switch
        {
            "full" when only => "full: the model has no weights yet, and only this method trains a model from the beginning.",
            "full" => $"full: there are {ManyRows} rows and more, and the memory for every weight. It can teach the most, and forget the most; compare with lora.",
            "lora" => "lora: it fits, trains as well as full fine-tuning on most tasks of this size, and its adapter is small and can be switched.",
            "qlora" => "qlora: the base model fits only in few bits; the adapter is trained on it as it will be used.",
            _ => "No method fits: lower MaxSeqLength, choose a smaller base model, or raise MaxMemory.",
        });
        if (recommended is not null && Fits("prefix"))
        {
            reasons.Add("prefix learns a few tokens only: for many small tasks on one model, or as a first trial; it cannot be merged or exported.");
        }

        return new MethodAdvice(recommended, reasons);
    }
}
