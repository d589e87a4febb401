"""The page of one control that only a person can judge: what was answered, by whom, until when, and the form."""

from collections.abc import Callable, Mapping
from datetime import datetime

from flask import request
from werkzeug import Response

from audit.city_time import day_after, day_end
from authz.register import Register
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.terms import PRESET_DAYS, REASON_CHARS
from console.shell.views import PageViews
from console.systems.acts import answer_control
from console.systems.forms import wrong_with_answer
from console.systems.words import MARKS
from grading.control_answers import ANSWERS, ControlAnswers
from grading.evidence import Status
from idp.directory import Directory


class ControlPages:
    """The views of the security administrator."""

    def __init__(
        self,
        frame: Frame,
        *,
        register: Register,
        directory: Directory,
        answers: ControlAnswers,
        clock: Callable[[], datetime],
    ) -> None:
        self._frame, self._register, self._directory = frame, register, directory
        self._answers, self._clock = answers, clock

    def blueprint(self) -> PageViews:
        """Both of them, by path."""
        views = PageViews("controls", __name__, url_prefix="/systems/{system}/controls/{control}")
        views.get("")(self.control)
        views.post("/answer")(self.answer)
        return views

    def control(self, system: str, control: str) -> Response:
        """What was answered, and the form."""
        return self._shown(system, control, filled={"until": day_after(self._clock(), PRESET_DAYS)}, errors=[])

    def answer(self, system: str, control: str) -> Response:
        """Answer it, in one's own name."""
        act = current_act()
        filled = {name: request.form.get(name, "").strip() for name in ("status", "reason", "until")}
        until = day_end(filled["until"])
        errors = list(wrong_with_answer(filled["status"], filled["reason"], until=until, now=self._clock()))
        if until is None or errors:
            return self._shown(system, control, filled=filled, errors=errors)
        status = Status(filled["status"])
        answer_control(self._answers, act, system, control, status=status, reason=filled["reason"], until=until)
        return self._frame.receipts.redirect_with(f"/systems/{system}/controls/{control}", "control-answered")

    def _shown(self, system: str, control: str, *, filled: Mapping[str, str], errors: list[dict[str, str]]) -> Response:
        asked, history = self._answers.history(system, control)
        people = self._directory.names([one.answered_by for one in history])
        lang = self._frame.lang()
        return self._frame.page(
            "control.html",
            status=form_status(errors),
            system=system,
            name=name_in(self._register.systems()[system], lang),
            control=asked,
            lang_zh=lang == "zh-CN",
            history=[(one, people.get(one.answered_by, one.answered_by)) for one in history],
            now=self._clock(),
            filled={"status": "", "reason": "", **filled},
            errors=errors,
            statuses=ANSWERS,
            marks=MARKS,
            reason_chars=REASON_CHARS,
            receipt=self._frame.receipts.read(f"/systems/{system}/controls/{control}"),
            csrf=reader().csrf,
        )
